-- Profiles whose externalId is the id of a user who is not yet linked.
-- in:  users, profiles(profile_id, external_id), firm, and the macro same_id(text) that heeds the schema's caseExact
-- out: source_id, profile_id, taken_by (the user the profile is linked to), choices (profiles with this user's id)
SELECT
    u.source_id, p.profile_id, f.source_id AS taken_by,
    count(*) OVER (PARTITION BY u.source_id) AS choices
FROM (SELECT source_id FROM users ANTI JOIN firm USING (source_id)) AS u
JOIN profiles p ON same_id(p.external_id) = same_id(u.source_id)
LEFT JOIN firm f ON f.profile_id = p.profile_id
