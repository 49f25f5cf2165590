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
)
SELECT
    coalesce(u.source_id, t.source_id) AS source_id, u.source_id IS NOT NULL AS is_user,
    coalesce(u.user_name, p.user_name) AS user_name, u.enabled, p.profile_id,
    CASE WHEN p.profile_id IS NOT NULL THEN t.matched_by END AS matched_by,
    CASE WHEN p.profile_id IS NOT NULL THEN t.since END AS since,
    p.active
FROM users u
FULL JOIN ties t ON t.source_id = u.source_id
FULL JOIN profiles p ON p.profile_id = t.profile_id
WHERE u.source_id IS NOT NULL OR p.profile_id IS NOT NULL
