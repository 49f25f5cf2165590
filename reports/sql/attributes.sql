-- In:  changes
-- Out: one row per attribute that changes, most changes first
SELECT
    attribute,
    count(*) FILTER (WHERE before IS NOT NULL AND after IS NOT NULL) AS changed,
    count(*) FILTER (WHERE before IS NULL) AS filled,
    count(*) FILTER (WHERE before IS NOT NULL AND after IS NULL) AS emptied
FROM changes
GROUP BY attribute
ORDER BY count(*) DESC, attribute
