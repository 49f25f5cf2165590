-- In:  changes, decisions, named (key, name)
-- Out: grouped: identical changes of several people (listed or not), largest first; grp counts from 0
CREATE OR REPLACE TEMP TABLE grouped AS
WITH same AS (
    SELECT
        c.attribute,
        c.before,
        c.after,
        list_sort(list_distinct(list(c.cause))) AS causes,
        count(*) AS people,
        count(*) FILTER (WHERE d.decision IN ('update', 'reactivate', 'deactivate', 'delete')) AS writes
    FROM changes AS c
    JOIN decisions AS d ON d.key = c.key AND d.decision <> 'create'
    WHERE c.attribute <> 'active'
    GROUP BY c.attribute, c.before, c.after
    HAVING count(*) >= 2
)
SELECT
    (row_number() OVER (ORDER BY s.people DESC, s.attribute, s.before NULLS FIRST, s.after NULLS FIRST) - 1)::INTEGER
        AS grp,
    s.*
FROM same AS s
