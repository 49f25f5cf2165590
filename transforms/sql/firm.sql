-- Who is ours without looking at names: settled by hand, or linked by an earlier applied run.
-- in:  hand(source_id, profile_id), links_before(source_id, profile_id, matched_by, since), users, profiles
-- out: source_id, profile_id, matched_by, since, rivals (users who were given the same profile by hand)
WITH by_hand AS (
    SELECT
        h.source_id, h.profile_id, 'hand' AS matched_by,
        (SELECT any_value(l.since) FROM links_before l
         WHERE l.source_id = h.source_id AND l.profile_id = h.profile_id) AS since,
        count(*) OVER (PARTITION BY h.profile_id) AS rivals
    FROM hand h
    SEMI JOIN profiles p USING (profile_id)
    WHERE h.source_id IN (SELECT source_id FROM users UNION ALL SELECT source_id FROM links_before)
),
by_link AS (
    SELECT l.source_id, l.profile_id, l.matched_by, l.since, 1 AS rivals
    FROM links_before l
    SEMI JOIN profiles p USING (profile_id)
    ANTI JOIN by_hand h ON h.source_id = l.source_id
    ANTI JOIN by_hand g ON g.profile_id = l.profile_id
)
SELECT * FROM by_hand
UNION ALL BY NAME
SELECT * FROM by_link
