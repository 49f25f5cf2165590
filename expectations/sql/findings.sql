-- in:  failed (key, check, subject, severity), details (key, check, detail), known (check, reason, remedy)
-- out: key, check, severity, reason, remedy: one row per person and check, sorted
WITH grouped AS (
    SELECT
        key,
        "check",
        string_agg(DISTINCT subject, ', ' ORDER BY subject) AS subjects,
        CASE WHEN bool_or(severity = 'critical') THEN 'critical' WHEN bool_or(severity = 'warning') THEN 'warning' ELSE 'info' END
        AS severity
    FROM failed
    GROUP BY key, "check"
),

explained AS (
    SELECT key, "check", string_agg(DISTINCT detail, '; ' ORDER BY detail) AS detail
    FROM details
    GROUP BY key, "check"
)

SELECT
    grouped.key,
    grouped."check",
    grouped.severity,
    replace(replace(known.reason, '{subject}', grouped.subjects), '{detail}', coalesce(explained.detail, 'no more is known')) AS reason,
    known.remedy
FROM grouped
INNER JOIN known ON known."check" = grouped."check"
LEFT JOIN explained ON explained.key = grouped.key AND explained."check" = grouped."check"
ORDER BY grouped.key, grouped."check"
