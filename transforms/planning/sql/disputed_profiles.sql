-- Profiles somebody claims without being given them.
-- in:  firm, external_hits, hits
-- out: profile_id
SELECT profile_id FROM firm WHERE rivals > 1
UNION
SELECT profile_id FROM external_hits WHERE choices > 1
UNION
SELECT profile_id FROM hits
