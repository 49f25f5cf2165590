-- In: acts. Out: who, approvals, last: who approved how many runs.
SELECT who, count(DISTINCT run_id) AS approvals, max("at") AS last
FROM acts
WHERE act = 'approved'
GROUP BY who
ORDER BY approvals DESC, who
