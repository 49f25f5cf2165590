-- In:  decisions
-- Out: one row per decision and reason code, most people first
SELECT
    decision,
    reason_code,
    min(reason) AS reason,
    count(DISTINCT reason) AS reasons,
    count(*) AS people
FROM decisions
GROUP BY decision, reason_code
ORDER BY people DESC, decision, reason_code
