-- Profiles an apply created, each user and each profile once.
-- in:  outcome_linked(key, profile_id, operation, result), and the parameter $run (that run's id)
-- out: source_id, profile_id, since
SELECT key AS source_id, min(profile_id) AS profile_id, $run AS since
FROM outcome_linked
WHERE operation = 'create' AND result = 'applied' AND profile_id IS NOT NULL AND NOT starts_with(key, 'profile:')
GROUP BY key
