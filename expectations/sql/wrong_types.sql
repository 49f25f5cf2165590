-- in:  problems (key, attribute, problem), unsaid (key, attribute), $used: source columns the mapping reads
-- out: key, check, subject, severity, detail: values of a wrong type; a hold where the mapping needs the value
SELECT
    key,
    CASE WHEN list_contains($used, attribute) THEN 'wrong_type' ELSE 'wrong_type_unused' END AS "check",
    string_agg(DISTINCT attribute, ', ' ORDER BY attribute) AS subject,
    CASE WHEN list_contains($used, attribute) THEN 'warning' ELSE 'info' END AS severity,
    string_agg(DISTINCT attribute || ' ' || problem, '; ' ORDER BY attribute || ' ' || problem) AS detail
FROM problems
ANTI JOIN unsaid USING (key, attribute)
GROUP BY ALL
