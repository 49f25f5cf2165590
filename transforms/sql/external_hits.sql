-- Profiles whose externalId is the id of a user who is not yet linked.
-- in:  unlinked(source_id), profiles(profile_id, external_id), firm, and the macro same_id(text): caseExact or not
-- out: source_id, profile_id, taken_by (the user the profile is linked to), choices (profiles with this user's id)
WITH borne AS (
    SELECT u.source_id, p.profile_id
    FROM profiles p
    JOIN unlinked u ON same_id(p.external_id) = same_id(u.source_id)
)
SELECT
    b.source_id, b.profile_id, f.source_id AS taken_by,
    count(*) OVER (PARTITION BY b.source_id) AS choices
FROM borne b
LEFT JOIN firm f ON f.profile_id = b.profile_id
