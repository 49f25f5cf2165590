-- In:  decisions, changes, decisions_before, changes_before (of the night before)
-- Out: news: key of everybody written now whose plan is not exactly what the night before proposed
CREATE OR REPLACE TEMP TABLE news AS
WITH now AS (
    SELECT key, NULL AS attribute, decision AS wish FROM decisions
    UNION ALL
    SELECT key, attribute, after FROM changes
),
before AS (
    SELECT key, NULL AS attribute, decision AS wish FROM decisions_before
    UNION ALL
    SELECT key, attribute, after FROM changes_before
)
SELECT DISTINCT key
FROM (SELECT * FROM now EXCEPT ALL SELECT * FROM before) AS fresh
SEMI JOIN (
    FROM decisions WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
) AS written ON written.key = fresh.key
