-- In:  placed
-- Out: who moves where: department before and after, people; the most first
SELECT department_before AS before, department_after AS after, count(*) AS people
FROM placed
WHERE is_before AND is_after AND department_before IS DISTINCT FROM department_after
GROUP BY department_before, department_after
ORDER BY people DESC, before NULLS LAST, after NULLS LAST
