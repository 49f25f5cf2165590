-- What an apply came to, without a single person.
-- In:  directory_after (key, department, active, decision), outcome, changes, stories; macro word.
-- Out: measure, word, detail, people: measure = headcount (word = department or null; after the run), applied (word =
--      attribute in words, detail = department after it), moved (word = department before, detail = after),
--      story (word = what happened to people, detail = department or null).
WITH written AS (
    SELECT o.key, unnest(o.written) AS entry
    FROM outcome AS o
    WHERE o.result = 'applied' AND o.operation <> 'restore'
),

applied AS (
    SELECT w.key, word(w.entry.attribute) AS word, c.before::JSON ->> '$' AS before, w.entry.value::JSON ->> '$' AS after
    FROM written AS w
    LEFT JOIN changes AS c ON c.key = w.key AND c.attribute = w.entry.attribute
)

SELECT 'headcount' AS measure, department AS word, NULL::VARCHAR AS detail, count(*) AS people
FROM directory_after
WHERE active AND decision NOT IN ('unmanaged', 'conflict')
GROUP BY ALL
UNION ALL
SELECT 'applied', a.word, d.department, count(*)
FROM applied AS a
LEFT JOIN directory_after AS d ON d.key = a.key
GROUP BY ALL
UNION ALL
SELECT 'moved', before, after, count(*)
FROM applied
WHERE word = 'department' AND before IS DISTINCT FROM after AND before IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT 'story', s.story, s.department, count(*)
FROM stories AS s
SEMI JOIN (FROM outcome WHERE result = 'applied' AND operation <> 'restore') AS o ON o.key = s.key
GROUP BY ALL
ORDER BY ALL
