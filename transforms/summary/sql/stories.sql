-- What happens to people, by department: one story each, or none.
-- In:  decisions, changes, directory_before (key, department); macro word.
-- Out: stories: key, story (joined, left, returned, moved, updated, held), department (where they are, or go to).
CREATE OR REPLACE TEMP VIEW stories AS
WITH departments AS (
    SELECT key, any_value(after::JSON ->> '$') AS department, bool_or(before IS NOT NULL AND after IS NOT NULL) AS moves
    FROM changes
    WHERE word(attribute) = 'department'
    GROUP BY key
)
SELECT
    d.key,
    CASE
        WHEN d.decision = 'create' THEN 'joined'
        WHEN d.decision IN ('deactivate', 'delete') THEN 'left'
        WHEN d.decision = 'reactivate' THEN 'returned'
        WHEN d.decision = 'hold' THEN 'held'
        WHEN c.moves THEN 'moved'
        ELSE 'updated'
    END AS story,
    coalesce(c.department, b.department) AS department
FROM decisions AS d
LEFT JOIN departments AS c ON c.key = d.key
LEFT JOIN directory_before AS b ON b.key = d.key
WHERE d.decision IN ('create', 'deactivate', 'delete', 'reactivate', 'update', 'hold')
