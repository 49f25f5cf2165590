-- Every user and every profile once, paired where a hand or an earlier applied run tied them.
-- in:  by_hand(source_id, profile_id, matched_by, since, rivals), links_before, users, profiles
-- out: source_id, is_user, user_name (the user's, else the profile's), enabled, profile_id, matched_by, since, active;
--      nearly in the order of users, which spares most of the sorting to come
WITH ties AS (
    SELECT source_id, profile_id, matched_by, since FROM by_hand WHERE rivals = 1
    UNION ALL
    SELECT l.source_id, l.profile_id, l.matched_by, l.since
    FROM links_before l
    WHERE l.source_id NOT IN (SELECT source_id FROM by_hand)
    AND l.profile_id NOT IN (SELECT profile_id FROM by_hand)
),
owners AS (
    SELECT t.source_id, p.profile_id, t.matched_by, t.since, p.user_name, p.active
    FROM profiles p
    LEFT JOIN ties t ON t.profile_id = p.profile_id
)
SELECT
    coalesce(u.source_id, o.source_id) AS source_id, u.source_id IS NOT NULL AS is_user,
    coalesce(u.user_name, o.user_name) AS user_name, u.enabled, o.profile_id, o.matched_by, o.since, o.active
FROM users u
FULL JOIN owners o ON o.source_id = u.source_id
