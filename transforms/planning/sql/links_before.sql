-- The links an applied run left behind: what it knew, under the ids its writes left, and what its apply created (which
-- replaces what it knew).
-- in:  links_then(source_id, profile_id, matched_by, since), made_then(source_id, profile_id, since),
--      renamed_then(source_id, profile_id), decisions_linked(key, reason_code), and the variable links_run (that run's id)
-- out: source_id, profile_id, matched_by, since (null: found by a partial plan that was not for this person, so still
--      to be adopted); each user and each profile once, as in both inputs
WITH waiting AS (
    SELECT key FROM decisions_linked WHERE reason_code = 'not_selected'
)
SELECT
    l.source_id, coalesce(n.profile_id, l.profile_id) AS profile_id,
    CASE WHEN l.since = getvariable('links_run')::VARCHAR AND w.key IS NOT NULL THEN l.matched_by ELSE 'link' END AS matched_by,
    CASE WHEN l.since = getvariable('links_run')::VARCHAR AND w.key IS NOT NULL THEN NULL ELSE l.since END AS since
FROM links_then l
LEFT JOIN waiting w ON w.key = l.source_id
LEFT JOIN renamed_then n ON n.source_id = l.source_id
WHERE l.source_id NOT IN (SELECT source_id FROM made_then)
AND coalesce(n.profile_id, l.profile_id) NOT IN (SELECT profile_id FROM made_then)
UNION ALL
SELECT source_id, profile_id, 'created', since
FROM made_then
