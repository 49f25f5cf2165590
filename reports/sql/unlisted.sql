-- In:  decisions, people
-- Out: decision and how many of its people are not listed one by one
SELECT d.decision, count(*) AS people
FROM decisions AS d
ANTI JOIN people AS p ON p.key = d.key
GROUP BY d.decision
ORDER BY d.decision
