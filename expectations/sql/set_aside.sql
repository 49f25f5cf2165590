-- in:  verdicts, scope
-- out: key, check, subject, severity, detail: accounts in scope that are not people, with the signals that say so
SELECT
    verdicts.key,
    'not_a_person' AS "check",
    'verdict' AS subject,
    'info' AS severity,
    replace(verdicts.verdict, '_', ' ') || ' (' || array_to_string(verdicts.signals, '; ') || ')' AS detail
FROM verdicts
LEFT JOIN scope ON scope.key = verdicts.key
WHERE coalesce(scope.in_scope, TRUE) AND verdicts.verdict NOT IN ('person', 'unsure')
