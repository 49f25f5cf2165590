-- In:  findings
-- Out: check and number of findings that hold nobody
SELECT f.check, count(*) AS findings
FROM findings AS f
WHERE f.severity = 'info'
GROUP BY f.check
ORDER BY findings DESC, f.check
