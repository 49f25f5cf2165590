-- The links an applied run left behind: what it knew, and what its apply created (which replaces what it knew).
-- in:  links_then(source_id, profile_id, since), made_then(source_id, profile_id, since)
-- out: source_id, profile_id, matched_by, since; each user and each profile once, as in both inputs
SELECT l.source_id, l.profile_id, 'link' AS matched_by, l.since
FROM links_then l
WHERE l.source_id NOT IN (SELECT source_id FROM made_then)
AND l.profile_id NOT IN (SELECT profile_id FROM made_then)
UNION ALL
SELECT source_id, profile_id, 'created', since
FROM made_then
