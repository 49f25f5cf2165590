-- One row per user ∪ profile, with everything that decides about it.
-- in:  linked, found_now, disputes, disputed_profiles(profile_id), scope_told(key, in_scope, reason_code,
--      excluded_by), held_once(key, reason), verdicts_told(key, verdict), absent, warned(key, reason), and the
--      variables usual_scope and usual_verdict: what holds for a user about whom the two say nothing
-- out: key, source_id, profile_id, matched_by, since, user_name, active, is_user, enabled, in_scope, scope_code,
--      excluded_by, verdict, hold_code, hold_detail, absent_state, dispute, other
WITH people AS (
    SELECT
        l.source_id, coalesce(l.profile_id, f.profile_id) AS profile_id,
        coalesce(l.matched_by, f.matched_by) AS matched_by, l.since,
        l.is_user, coalesce(l.user_name, f.profile_name) AS user_name, l.enabled,
        CASE WHEN l.profile_id IS NULL THEN f.active ELSE l.active END AS active
    FROM linked l
    LEFT JOIN found_now f ON f.source_id = l.source_id
    WHERE l.source_id IS NOT NULL OR l.profile_id NOT IN (SELECT profile_id FROM found_now)
)
SELECT
    coalesce(e.source_id, 'profile:' || e.profile_id) AS key, e.*,
    CASE WHEN s.key IS NOT NULL THEN s.in_scope WHEN e.is_user THEN getvariable('usual_scope')::BOOLEAN END AS in_scope,
    s.reason_code AS scope_code, s.excluded_by,
    CASE WHEN v.key IS NOT NULL THEN v.verdict WHEN e.is_user THEN getvariable('usual_verdict')::VARCHAR END AS verdict,
    CASE WHEN h.key IS NOT NULL THEN 'held_by_mapping' WHEN w.key IS NOT NULL THEN 'finding' END AS hold_code,
    coalesce(h.reason, w.reason) AS hold_detail,
    a.state AS absent_state,
    coalesce(d.reason_code, CASE WHEN c.profile_id IS NOT NULL THEN 'claimed' END) AS dispute, d.other
FROM people e
LEFT JOIN scope_told s ON s.key = e.source_id
LEFT JOIN verdicts_told v ON v.key = e.source_id
LEFT JOIN held_once h ON h.key = e.source_id
LEFT JOIN warned w ON w.key = e.source_id
LEFT JOIN absent a ON a.key = e.source_id
LEFT JOIN disputes d ON d.source_id = e.source_id
LEFT JOIN disputed_profiles c ON c.profile_id = e.profile_id AND e.source_id IS NULL
