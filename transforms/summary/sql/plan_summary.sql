-- What a plan comes to, without a single person.
-- In:  directory_before (department, active, decision), decisions, changes, findings, stories; macro word.
-- Out: measure, word, detail, people: measure = decision (word = decision), change (word = attribute in words,
--      detail = cause), hold (word = check or reason code), headcount (word = department or null; before the run),
--      story (word = what happens to people, detail = department or null).
SELECT 'decision' AS measure, decision AS word, NULL::VARCHAR AS detail, count(*) AS people
FROM decisions
GROUP BY ALL
UNION ALL
SELECT 'change', word(attribute), cause, count(*)
FROM changes
GROUP BY ALL
UNION ALL
SELECT 'hold', coalesce(f."check", d.reason_code), NULL, count(DISTINCT d.key)
FROM decisions AS d
LEFT JOIN findings AS f ON f.key = d.key AND f.severity = 'warning'
WHERE d.decision = 'hold'
GROUP BY ALL
UNION ALL
SELECT 'headcount', department, NULL, count(*)
FROM directory_before
WHERE active AND decision NOT IN ('unmanaged', 'conflict')
GROUP BY ALL
UNION ALL
SELECT 'story', story, department, count(*)
FROM stories
GROUP BY ALL
ORDER BY ALL
