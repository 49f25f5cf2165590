-- People a reference may point to: they have a profile once the rollback is applied.
-- in:  persons(key, profile_id), endings(key, decision), returning_now(key)
-- out: key
SELECT key
FROM persons
WHERE profile_id IS NOT NULL AND key NOT IN (SELECT key FROM endings WHERE decision = 'delete')
UNION
SELECT key FROM returning_now
