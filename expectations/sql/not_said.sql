-- in:  people, unsaid (key, attribute: what could not be read of the person), problems; $required source columns
-- out: key, check, subject, severity, detail: a hold only where the target requires what is made of the column
SELECT
    people.key,
    'not_said' AS "check",
    unsaid.attribute AS subject,
    CASE WHEN list_contains($required, unsaid.attribute) THEN 'warning' ELSE 'info' END AS severity,
    unsaid.attribute || ' ' || coalesce(string_agg(DISTINCT problems.problem, ', ' ORDER BY problems.problem), 'was not sent') AS detail
FROM unsaid
INNER JOIN people ON people.key = unsaid.key
LEFT JOIN problems ON problems.key = unsaid.key AND problems.attribute = unsaid.attribute
GROUP BY people.key, unsaid.attribute
