-- In:  people
-- Out: who left something out last time, in which run, and how many of those people would be written now
SELECT left_out.who, left_out.run_id, count(*) AS people
FROM people
JOIN left_out USING (key)
WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
GROUP BY ALL
ORDER BY people DESC, who
