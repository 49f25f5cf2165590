-- Entries of [matching] links whose user and profile both exist.
-- in:  hand(source_id, profile_id), links_before, users, profiles
-- out: source_id, profile_id, matched_by, since, rivals
SELECT
    h.source_id, h.profile_id, 'hand' AS matched_by, l.since,
    count(*) OVER (PARTITION BY h.profile_id) AS rivals
FROM hand h
SEMI JOIN profiles p ON p.profile_id = h.profile_id
LEFT JOIN links_before l ON l.source_id = h.source_id AND l.profile_id = h.profile_id
WHERE h.source_id IN (SELECT source_id FROM users WHERE source_id IN (SELECT source_id FROM hand))
OR h.source_id IN (SELECT source_id FROM links_before WHERE source_id IN (SELECT source_id FROM hand))
