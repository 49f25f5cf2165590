-- In:  shown, people
-- Out: one row per group of identical changes, largest first
SELECT
    s.grp AS number,
    s.attribute,
    any_value(s.before_shown) AS before,
    any_value(s.after_shown) AS after,
    list_sort(list_distinct(list(s.cause))) AS causes,
    count(*) AS people,
    count(*) FILTER (WHERE p.decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')) AS writes
FROM shown AS s
JOIN people AS p ON p.person = s.person
WHERE s.grp >= 0
GROUP BY s.grp, s.attribute
ORDER BY number
