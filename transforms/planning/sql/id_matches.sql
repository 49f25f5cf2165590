-- Users nobody is known to belong to yet, each with every profile whose externalId is theirs, or once with none.
-- in:  unlinked(source_id), profiles, confirmed_links, and the macro same_id(text): caseExact or not
-- out: source_id, profile_id, profile_name, active, taken_by (the user the profile is linked to)
SELECT u.source_id, p.profile_id, p.user_name AS profile_name, p.active, f.source_id AS taken_by
FROM unlinked u
LEFT JOIN profiles p ON same_id(p.external_id) = same_id(u.source_id)
LEFT JOIN confirmed_links f ON f.profile_id = p.profile_id
