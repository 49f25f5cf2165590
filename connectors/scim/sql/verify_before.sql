-- The touched profiles as they were when the run was planned.
-- relations in: target (target.parquet; refers_to: the profiles each refers to), decisions, expected
--               (verify_expected.sql)
-- rows out:     id (as it is since), resource (JSON text), refers_to
SELECT touched.profile_id AS id, target.resource, target.refers_to
FROM (SELECT DISTINCT key, profile_id FROM expected WHERE operation <> 'delete' AND result = 'applied') touched
JOIN decisions ON decisions.key = touched.key
JOIN target ON target.id = coalesce(decisions.profile_id, touched.profile_id)
