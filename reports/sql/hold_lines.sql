-- In:  decisions, findings, holds
-- Out: one row per check (or reason code) that holds somebody, most people first
WITH why AS (
    SELECT d.key, f.check, f.reason, f.remedy
    FROM decisions AS d
    JOIN findings AS f ON f.key = d.key AND f.severity = 'warning'
    WHERE d.decision = 'hold'
    UNION ALL
    SELECT d.key, d.reason_code, d.reason, NULL
    FROM decisions AS d
    WHERE d.decision = 'hold'
    AND NOT EXISTS (SELECT 1 FROM findings AS f WHERE f.key = d.key AND f.severity = 'warning')
)
SELECT
    w.check,
    min(w.reason) AS reason,
    count(DISTINCT w.reason) AS reasons,
    coalesce(min(nullif(w.remedy, '')), '') AS remedy,
    count(DISTINCT w.key) AS people,
    min(h.since) AS oldest
FROM why AS w
JOIN holds AS h ON h.key = w.key
GROUP BY w.check
ORDER BY people DESC, w.check
