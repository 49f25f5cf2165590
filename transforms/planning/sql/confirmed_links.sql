-- Who is ours without looking at names: settled by hand, or linked by an earlier applied run.
-- in:  by_hand(source_id, profile_id, matched_by, since, rivals), linked
-- out: source_id, profile_id, matched_by, since, rivals (users who were given the same profile by hand)
SELECT source_id, profile_id, matched_by, since, 1 AS rivals
FROM linked
WHERE source_id IS NOT NULL AND profile_id IS NOT NULL
UNION ALL
SELECT source_id, profile_id, matched_by, since, rivals
FROM by_hand
WHERE rivals > 1
