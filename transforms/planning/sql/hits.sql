-- What users without link and externalId find by the matching attributes: the first attribute that finds anything.
-- in:  user_values(source_id, tier, value), profile_values(profile_id, tier, value) (a user and a profile have one value
--      per tier), profiles, settled(source_id, profile_id), known(source_id), and the macro same_id(text)
-- out: source_id, profile_id, profile_name, active, tier, choices, rivals, taken_by, named (another known user whose id
--      the profile bears)
WITH found AS (
    SELECT o.source_id, b.profile_id, o.tier
    FROM user_values o
    JOIN profile_values b ON b.tier = o.tier AND b.value = o.value
),
firsts AS (
    SELECT * FROM found
    QUALIFY tier = min(tier) OVER (PARTITION BY source_id)
)
SELECT
    f.source_id, f.profile_id, p.user_name AS profile_name, p.active, f.tier,
    count(*) OVER (PARTITION BY f.source_id) AS choices,
    count(*) OVER (PARTITION BY f.profile_id) AS rivals,
    s.source_id AS taken_by,
    k.source_id AS named
FROM firsts f
JOIN profiles p USING (profile_id)
LEFT JOIN settled s ON s.profile_id = f.profile_id
LEFT JOIN known k ON same_id(k.source_id) = same_id(p.external_id) AND k.source_id <> f.source_id
