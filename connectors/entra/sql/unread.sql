-- How many people each column is unreadable for: their last entry did not say it.
-- Relations in: users_read (id, seq, unreadable), asked_for (name).
-- Rows out: name, people, sorted by name.
WITH lacked AS (
    SELECT id, seq, unnest(unreadable) AS name
    FROM users_read
    WHERE unreadable IS NOT NULL
),
later AS (
    SELECT users_read.id, max(users_read.seq) AS last_seq
    FROM users_read
    SEMI JOIN lacked ON lacked.id = users_read.id
    GROUP BY users_read.id
)
SELECT lacked.name, count(DISTINCT lacked.id) AS people
FROM lacked
JOIN later ON later.id = lacked.id AND later.last_seq = lacked.seq
SEMI JOIN asked_for ON asked_for.name = lacked.name
GROUP BY lacked.name
ORDER BY lacked.name
