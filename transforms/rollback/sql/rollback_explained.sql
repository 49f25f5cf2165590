-- Every change of a rollback.
-- in:  rollback_candidates, endings(key, decision, active), returning_now(key), returning_values(key, attribute, after)
-- out: key, attribute, before, after, cause
SELECT key, attribute, before, after, 'rollback' AS cause
FROM rollback_candidates
WHERE barred IS NULL AND key NOT IN (SELECT key FROM endings)
UNION ALL
SELECT key, 'active', CASE active WHEN TRUE THEN 'true' END, 'false', 'rollback'
FROM endings
WHERE decision = 'deactivate'
UNION ALL
SELECT v.key, v.attribute, NULL, v.after, 'rollback'
FROM returning_values v
SEMI JOIN returning_now r ON r.key = v.key
WHERE v.after IS NOT NULL
