-- Profiles somebody claims without being given them.
-- in:  confirmed_links, external_hits, hits
-- out: profile_id
SELECT profile_id FROM confirmed_links WHERE rivals > 1
UNION
SELECT profile_id FROM external_hits WHERE choices > 1
UNION
SELECT profile_id FROM hits
