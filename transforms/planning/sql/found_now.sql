-- Profiles matching gives to users who had none, each once on both sides.
-- in:  external_hits, hits, tiers(tier, path)
-- out: source_id, profile_id, matched_by, profile_name, active
SELECT source_id, profile_id, 'externalId' AS matched_by, profile_name, active
FROM external_hits
WHERE choices = 1 AND taken_by IS NULL
UNION ALL
SELECT h.source_id, h.profile_id, t.path, h.profile_name, h.active
FROM hits h JOIN tiers t USING (tier)
WHERE h.choices = 1 AND h.rivals = 1 AND h.taken_by IS NULL AND h.named IS NULL
