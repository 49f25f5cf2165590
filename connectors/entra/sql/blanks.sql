-- The read, with what nobody on a page came with, and Graph did not say is none, counted as unreadable of them.
-- Relations in: users_read (id, …, unreadable, seq), blank (id, name).
-- Rows out: the columns of users_read.
SELECT
    users_read.* REPLACE (
        CASE
            WHEN blanks.id IS NULL THEN users_read.unreadable
            ELSE list_concat(coalesce(users_read.unreadable, []::VARCHAR[]), blanks.names)
        END AS unreadable
    )
FROM users_read
LEFT JOIN (SELECT id, list(DISTINCT name ORDER BY name) AS names FROM blank GROUP BY id) AS blanks ON blanks.id = users_read.id
