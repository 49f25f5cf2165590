-- Every profile of ours and whose it is, each once on both sides.
-- in:  firm, external_hits, hits, tiers(tier, path)
-- out: source_id, profile_id, matched_by, since (null: found now)
SELECT source_id, profile_id, matched_by, since FROM firm WHERE rivals = 1
UNION ALL
SELECT source_id, profile_id, 'externalId', NULL FROM external_hits WHERE choices = 1 AND taken_by IS NULL
UNION ALL
SELECT h.source_id, h.profile_id, t.path, NULL
FROM hits h JOIN tiers t USING (tier)
WHERE h.choices = 1 AND h.rivals = 1 AND h.taken_by IS NULL AND h.named IS NULL
