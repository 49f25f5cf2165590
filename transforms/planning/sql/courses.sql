-- Which course each person takes before a single attribute is compared: the table of decisions, lowest row first.
-- in:  everybody, blind(key) (people whose matching attributes could not be read), and the parameters $leavers and
--      $out_of_scope (deactivate, delete or keep)
-- out: key, source_id, profile_id, matched_by, since, user_name, active, is_user, in_scope, verdict, course (conflict,
--      unmanaged, deactivate, delete, kept, done, out_of_scope, hold, compare, create), reason_code, detail, end_state
WITH standing AS (
    SELECT
        p.*,
        CASE
            WHEN p.dispute IS NOT NULL THEN 'conflict'
            WHEN p.source_id IS NULL THEN 'unmanaged'
            WHEN NOT p.is_user AND p.absent_state IS NULL THEN 'unconfirmed'
            WHEN NOT p.is_user OR p.enabled IS FALSE THEN 'leaver'
            WHEN p.in_scope IS FALSE THEN 'outside'
            WHEN p.verdict IS NOT NULL AND p.verdict NOT IN ('person', 'unsure') THEN 'not_a_person'
            WHEN p.in_scope IS NULL OR p.hold_code IS NOT NULL OR coalesce(p.verdict, 'unsure') = 'unsure' THEN 'hold'
            WHEN p.profile_id IS NULL AND b.key IS NOT NULL THEN 'blind'
            ELSE 'clean'
        END AS standing
    FROM everybody p
    LEFT JOIN blind b ON b.key = p.key
),
ends AS (
    SELECT
        *,
        CASE standing WHEN 'leaver' THEN $leavers WHEN 'outside' THEN $out_of_scope END AS ending,
        CASE
            WHEN standing = 'conflict' THEN dispute
            WHEN standing = 'leaver' THEN CASE WHEN is_user THEN 'disabled' ELSE absent_state END
            WHEN standing = 'outside' THEN coalesce(scope_code, 'not_assigned')
            WHEN standing IN ('not_a_person', 'unmanaged') THEN standing
            WHEN standing = 'unconfirmed' THEN 'absence_unconfirmed'
            WHEN standing = 'blind' THEN 'match_unknown'
            WHEN standing = 'hold' THEN
                CASE WHEN in_scope IS NULL THEN 'scope_unknown' ELSE coalesce(hold_code, 'unsure') END
        END AS code
    FROM standing
)
SELECT
    key, source_id, profile_id, matched_by, since, user_name, active, is_user, in_scope, verdict,
    CASE
        WHEN standing IN ('conflict', 'unmanaged') THEN standing
        WHEN profile_id IS NULL THEN
            CASE standing
                WHEN 'clean' THEN 'create'
                WHEN 'hold' THEN 'hold' WHEN 'blind' THEN 'hold'
                ELSE 'out_of_scope'
            END
        WHEN standing IN ('unconfirmed', 'not_a_person', 'hold') THEN 'hold'
        WHEN standing = 'clean' THEN 'compare'
        WHEN ending = 'keep' THEN 'kept'
        WHEN ending = 'delete' THEN 'delete'
        WHEN active IS FALSE THEN 'done'
        ELSE 'deactivate'
    END AS course,
    CASE WHEN ending = 'keep' AND profile_id IS NOT NULL THEN 'kept' ELSE code END AS reason_code,
    CASE
        WHEN standing = 'conflict' THEN other
        WHEN standing = 'outside' THEN excluded_by
        WHEN standing = 'hold' THEN hold_detail
        WHEN standing = 'not_a_person' THEN replace(verdict, '_', ' ')
    END AS detail,
    CASE standing WHEN 'leaver' THEN code WHEN 'outside' THEN code END AS end_state
FROM ends
