-- What one applied rollback restored and neither a release nor a later plan has spoken about since.
-- in:  rollback_changes, rollback_outcome, desired_then(key, attribute, value), decisions_then, releases(key, attribute),
--      restored (what newer rollbacks say, which stands)
-- out: rows added to restored(key, attribute, decision, bad, bad_state); attribute null for a deleted profile
INSERT INTO restored
SELECT o.key, c.attribute, o.operation, d.value, t.reason_code
FROM rollback_outcome o
LEFT JOIN rollback_changes c ON c.key = o.key
LEFT JOIN desired_then d ON d.key = o.key AND d.attribute = c.attribute
LEFT JOIN decisions_then t ON t.key = o.key
WHERE o.result = 'applied' AND o.operation <> 'restore'
AND NOT EXISTS (
    SELECT 1 FROM releases s WHERE s.key = o.key AND (s.attribute IS NULL OR s.attribute = c.attribute)
)
AND NOT EXISTS (
    SELECT 1 FROM restored r WHERE r.key = o.key AND r.attribute IS NOT DISTINCT FROM c.attribute
)
