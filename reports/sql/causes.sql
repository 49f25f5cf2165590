-- In:  changes
-- Out: one row per cause, most changes first
SELECT cause, count(*) AS changes, count(DISTINCT key) AS people
FROM changes
GROUP BY cause
ORDER BY changes DESC, cause
