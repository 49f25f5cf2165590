-- Who is ours without looking at names: settled by hand, or linked by an earlier applied run.
-- in:  by_hand(source_id, profile_id, matched_by, since, rivals), links_before, profiles
-- out: source_id, profile_id, matched_by, since, rivals (users who were given the same profile by hand)
SELECT source_id, profile_id, matched_by, since, rivals
FROM by_hand
UNION ALL
SELECT l.source_id, l.profile_id, l.matched_by, l.since, 1
FROM links_before l
SEMI JOIN profiles p ON p.profile_id = l.profile_id
WHERE l.source_id NOT IN (SELECT source_id FROM by_hand)
AND l.profile_id NOT IN (SELECT profile_id FROM by_hand)
