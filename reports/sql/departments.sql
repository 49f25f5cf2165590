-- In:  placed, here, decisions
-- Out: one row per department that somebody joins, leaves or moves to or from, the most people first
WITH headcount AS (
    SELECT h.department, count(*) AS people
    FROM here AS h
    ANTI JOIN (FROM decisions WHERE decision IN ('unmanaged', 'conflict')) AS d ON d.key = h.key
    WHERE coalesce(h.active, TRUE)
    GROUP BY h.department
),
steps AS (
    SELECT department_before AS department, -1 AS step, department_after AS other, is_after AS stays
    FROM placed
    WHERE is_before
    UNION ALL
    SELECT department_after, 1, department_before, is_before
    FROM placed
    WHERE is_after
),
sums AS (
    SELECT
        department,
        sum(step) AS net,
        count(*) FILTER (WHERE step = 1 AND NOT stays) AS joined,
        count(*) FILTER (WHERE step = -1 AND NOT stays) AS gone,
        count(*) FILTER (WHERE step = 1 AND stays AND other IS DISTINCT FROM department) AS moved_in,
        count(*) FILTER (WHERE step = -1 AND stays AND other IS DISTINCT FROM department) AS moved_out
    FROM steps
    GROUP BY department
)
SELECT
    s.department,
    coalesce(h.people, 0) AS before,
    coalesce(h.people, 0) + s.net AS after,
    s.joined,
    s.gone,
    s.moved_in,
    s.moved_out
FROM sums AS s
LEFT JOIN headcount AS h ON h.department IS NOT DISTINCT FROM s.department
WHERE s.joined + s.gone + s.moved_in + s.moved_out > 0
ORDER BY s.joined + s.gone + s.moved_in + s.moved_out DESC, s.department NULLS LAST
