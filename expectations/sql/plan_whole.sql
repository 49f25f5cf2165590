-- in:  users, target, decisions, changes
-- out: one row of figures that must all be nought
SELECT
    (
        SELECT count(*)
        FROM users
        ANTI JOIN decisions ON decisions.source_id = users.id
        ANTI JOIN decisions AS named ON named.key = users.id
    ) AS users_undecided,
    (
        SELECT count(*)
        FROM target
        WHERE
            target.id NOT IN (SELECT profile_id FROM decisions WHERE profile_id IS NOT NULL)
            AND 'profile:' || target.id NOT IN (SELECT key FROM decisions)
    ) AS profiles_undecided,
    (SELECT count(*) FROM changes ANTI JOIN decisions ON decisions.key = changes.key) AS changes_of_nobody,
    (SELECT count(*) - count(DISTINCT (key, attribute)) FROM changes) AS attributes_changed_twice,
    (
        SELECT coalesce(sum(writers), 0)::BIGINT  -- a sum is a HUGEINT, which pandas has only as a Decimal
        FROM (
            SELECT count(DISTINCT key) AS writers
            FROM changes
            WHERE attribute = 'userName' AND "after" IS NOT NULL
            GROUP BY lower("after")
            HAVING count(DISTINCT key) > 1
        )
    ) AS user_names_written_twice
