-- Everybody a finding holds, with the first reason in words.
-- in:  findings(key, check, severity, reason)
-- out: key, reason
SELECT
    key,
    min(reason) || CASE WHEN count(*) > 1 THEN ' (and ' || (count(*) - 1) || ' more)' ELSE '' END AS reason
FROM findings
WHERE severity IN ('warning', 'critical') AND key IS NOT NULL
GROUP BY key
