-- Known users whose id is the externalId of a profile that matching by attributes came upon.
-- in:  profile_values(profile_id), profiles, users, links_before, absent, and the macro same_id(text)
-- out: source_id
WITH borne AS (
    SELECT same_id(external_id) AS id
    FROM profiles
    WHERE profile_id IN (SELECT profile_id FROM profile_values) AND external_id IS NOT NULL
)
SELECT source_id FROM users WHERE same_id(source_id) IN (SELECT id FROM borne)
UNION
SELECT source_id FROM links_before WHERE same_id(source_id) IN (SELECT id FROM borne)
UNION
SELECT key FROM absent WHERE same_id(key) IN (SELECT id FROM borne)
