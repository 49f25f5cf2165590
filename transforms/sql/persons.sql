-- One row per user ∪ profile, with everything that decides about it.
-- in:  users, profiles, owned, disputes, hits, external_hits, firm, scope, held, verdicts, absent, warned(key, reason, …)
-- out: key, source_id, profile_id, matched_by, since, user_name, active, is_user, enabled, in_scope, scope_code,
--      excluded_by, verdict, hold_code, hold_detail, absent_state, dispute, other
WITH disputed_profiles AS (
    SELECT profile_id FROM firm WHERE rivals > 1
    UNION SELECT profile_id FROM external_hits WHERE choices > 1
    UNION SELECT profile_id FROM hits
),
owners AS (
    SELECT source_id, profile_id, matched_by, since FROM owned
    UNION ALL
    SELECT source_id, NULL, NULL, NULL FROM users ANTI JOIN owned USING (source_id)
)
SELECT
    o.source_id AS key, o.source_id, o.profile_id, o.matched_by, o.since,
    coalesce(u.user_name, p.user_name) AS user_name, p.active,
    u.source_id IS NOT NULL AS is_user, u.enabled,
    s.in_scope, s.reason_code AS scope_code, s.excluded_by, v.verdict,
    CASE WHEN h.key IS NOT NULL THEN 'held_by_mapping' WHEN w.key IS NOT NULL THEN 'finding' END AS hold_code,
    coalesce(h.reason, w.reason) AS hold_detail,
    a.state AS absent_state, d.reason_code AS dispute, d.other
FROM owners o
LEFT JOIN users u ON u.source_id = o.source_id
LEFT JOIN profiles p ON p.profile_id = o.profile_id
LEFT JOIN scope s ON s.key = o.source_id
LEFT JOIN verdicts v ON v.key = o.source_id
LEFT JOIN (SELECT key, min(reason) AS reason FROM held GROUP BY key) AS h ON h.key = o.source_id
LEFT JOIN warned w ON w.key = o.source_id
LEFT JOIN absent a ON a.key = o.source_id
LEFT JOIN disputes d ON d.source_id = o.source_id
UNION ALL BY NAME
SELECT
    'profile:' || p.profile_id AS key, p.profile_id, p.user_name, p.active, FALSE AS is_user,
    CASE WHEN c.profile_id IS NOT NULL THEN 'claimed' END AS dispute
FROM profiles p
ANTI JOIN owned o ON o.profile_id = p.profile_id
LEFT JOIN disputed_profiles c ON c.profile_id = p.profile_id
