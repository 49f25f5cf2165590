-- The touched profiles as they were when the run was planned.
-- relations in: target (target.parquet), decisions, expected (verify_expected.sql)
-- rows out:     id (as it is since), resource (JSON text)
SELECT touched.profile_id AS id, target.resource
FROM (SELECT DISTINCT key, profile_id FROM expected WHERE operation <> 'delete' AND result = 'applied') touched
JOIN decisions ON decisions.key = touched.key
JOIN target ON target.id = coalesce(decisions.profile_id, touched.profile_id)
