-- The touched profiles as they were when the run was planned.
-- relations in: target (target.parquet), expected (verify_expected.sql)
-- rows out:     id, resource (JSON text)
SELECT target.id, target.resource
FROM target
WHERE target.id IN (SELECT profile_id FROM expected WHERE operation <> 'delete' AND result = 'applied')
