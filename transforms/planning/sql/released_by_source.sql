-- Attributes whose desired value changed after the rollback: it no longer protects them.
-- in:  desired_then, desired_later (key, attribute, value), wide_then(key, left_alone) (of the later run),
--      decisions_then, decisions_later (key, reason_code)
-- out: rows added to releases(key, attribute)
INSERT INTO releases
SELECT l.key, l.attribute
FROM desired_later l
JOIN wide_then w ON w.key = l.key
LEFT JOIN desired_then d ON d.key = l.key AND d.attribute = l.attribute
WHERE l.value IS DISTINCT FROM d.value
AND (d.key IS NOT NULL OR l.key NOT IN (SELECT key FROM desired_then))
AND NOT list_contains(w.left_alone, l.attribute)
UNION ALL
SELECT t.key, 'active'
FROM decisions_then t
JOIN decisions_later l ON l.key = t.key
WHERE t.reason_code IN ('disabled', 'deleted', 'gone', 'not_assigned', 'filtered_out')
AND l.reason_code IN ('same', 'differs', 'adopted', 'active_again', 'not_kept', 'finding', 'held_by_mapping', 'unsure')
