-- Every profile of ours and whose it is, each once on both sides.
-- in:  confirmed_links, found_now
-- out: source_id, profile_id, matched_by, since (null: found now)
SELECT source_id, profile_id, matched_by, since FROM confirmed_links WHERE rivals = 1
UNION ALL
SELECT source_id, profile_id, matched_by, NULL FROM found_now
