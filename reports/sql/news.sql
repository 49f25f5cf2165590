-- In:  decisions, changes, decisions_before, changes_before (of the night before)
-- Out: news: key of everybody written now whose plan is not exactly what the night before proposed
CREATE OR REPLACE TEMP TABLE news AS
WITH written AS (
    SELECT key FROM decisions WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
),
now AS (
    SELECT key, NULL AS attribute, decision AS wish FROM decisions SEMI JOIN written USING (key)
    UNION ALL
    SELECT key, attribute, after FROM changes SEMI JOIN written USING (key)
),
before AS (
    SELECT key, NULL AS attribute, decision AS wish FROM decisions_before SEMI JOIN written USING (key)
    UNION ALL
    SELECT key, attribute, after FROM changes_before SEMI JOIN written USING (key)
)
SELECT DISTINCT key
FROM (SELECT * FROM now EXCEPT ALL SELECT * FROM before) AS fresh
