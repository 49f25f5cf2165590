-- Every user and every profile once, paired where a hand or an earlier applied run tied them.
-- in:  by_hand(source_id, profile_id, matched_by, since, rivals), links_before, users, profiles
-- out: source_id, is_user, user_name, enabled, profile_id, matched_by, since, profile_name, active
WITH ties AS (
    SELECT source_id, profile_id, matched_by, since FROM by_hand WHERE rivals = 1
    UNION ALL
    SELECT l.source_id, l.profile_id, l.matched_by, l.since
    FROM links_before l
    WHERE l.source_id NOT IN (SELECT source_id FROM by_hand)
    AND l.profile_id NOT IN (SELECT profile_id FROM by_hand)
),
owners AS (
    SELECT t.source_id, p.profile_id, t.matched_by, t.since, p.user_name AS profile_name, p.active
    FROM profiles p
    LEFT JOIN ties t ON t.profile_id = p.profile_id
)
SELECT
    coalesce(u.source_id, o.source_id) AS source_id, u.source_id IS NOT NULL AS is_user, u.user_name, u.enabled,
    o.profile_id, o.matched_by, o.since, o.profile_name, o.active
FROM owners o
FULL JOIN users u ON u.source_id = o.source_id
