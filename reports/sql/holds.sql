-- In:  decisions, findings, since (key, run_id, started)
-- Out: holds: one row per held person with all remedies and since when
CREATE OR REPLACE TEMP TABLE holds AS
SELECT
    d.key,
    string_agg(DISTINCT nullif(f.remedy, ''), ' ' ORDER BY nullif(f.remedy, '')) AS remedy,
    any_value(s.started) AS since
FROM decisions AS d
LEFT JOIN findings AS f ON f.key = d.key AND f.severity = 'warning'
LEFT JOIN since AS s ON s.key = d.key
WHERE d.decision = 'hold'
GROUP BY d.key
