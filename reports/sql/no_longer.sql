-- In:  decisions, decisions_before (of the night before)
-- Out: how many people were to be written then and are not now
SELECT count(*) AS people
FROM (FROM decisions_before WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')) AS b
ANTI JOIN (
    FROM decisions WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
) AS d ON d.key = b.key
