-- People gone from the source whose linked profile is not in the target's list any more, while one other profile, and
-- nobody else's, has their id as its externalId: the target gave it another id.
-- in:  absent(key), links_before(source_id, profile_id, since), profiles(profile_id, external_id), and the macro
--      same_id(text)
-- out: source_id, profile_id, matched_by, since
SELECT l.source_id, min(p.profile_id) AS profile_id, 'externalId' AS matched_by, min(l.since) AS since
FROM absent a
JOIN links_before l ON l.source_id = a.key
JOIN profiles p ON same_id(p.external_id) = same_id(a.key)
WHERE l.profile_id NOT IN (SELECT profile_id FROM profiles)
AND p.profile_id NOT IN (SELECT profile_id FROM links_before)
GROUP BY l.source_id
HAVING count(*) = 1
