-- In:  decisions, left_out (key, who, run_id)
-- Out: who left something out last time, in which run, and how many of those people would be written now
SELECT l.who, l.run_id, count(*) AS people
FROM decisions AS d
JOIN left_out AS l ON l.key = d.key
WHERE d.decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
GROUP BY ALL
ORDER BY people DESC, l.who
