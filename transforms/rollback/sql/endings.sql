-- Profiles that the runs that are taken back created and that end now; with $delete they end whether active or not.
-- in:  persons(key, profile_id, active), lifecycle(key, first_op), asked(key), and the flags $some_people,
--      $some_attributes, $delete
-- out: key, decision, active
SELECT p.key, CASE WHEN $delete THEN 'delete' ELSE 'deactivate' END AS decision, p.active
FROM persons p
JOIN lifecycle l ON l.key = p.key
WHERE l.first_op = 'create' AND p.profile_id IS NOT NULL AND ($delete OR p.active IS DISTINCT FROM FALSE)
AND NOT $some_attributes AND (NOT $some_people OR p.key IN (SELECT key FROM asked))
