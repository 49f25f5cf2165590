-- What a rollback does to each person; everybody it does not concern is left as they are.
-- in:  persons, rollback_explained(key, attribute, before, after), endings(key, decision), returning_now(key),
--      edited(key), verdicts_then(key, verdict),
--      sentences(reason_code, decision, sentence)
-- out: key, source_id, profile_id, user_name, matched_by, verdict, decision, reason_code, reason
WITH effects AS (
    SELECT
        key, count(*) AS n,
        -- Counts as a deactivation whatever else is taken back with it.
        bool_or(attribute = 'active' AND after = 'false') AS turns_off,
        bool_or(attribute = 'active' AND before = 'false' AND after = 'true') AS turns_on
    FROM rollback_explained
    GROUP BY key
),
decided AS (
    SELECT
        p.key, p.source_id, p.profile_id, p.user_name, p.matched_by, v.verdict,
        CASE
            WHEN p.source_id IS NULL THEN 'unmanaged'
            WHEN r.key IS NOT NULL THEN 'create'
            WHEN e.key IS NOT NULL THEN e.decision
            WHEN f.turns_off THEN 'deactivate'
            WHEN f.turns_on THEN 'reactivate'
            WHEN f.n > 0 THEN 'update'
            WHEN p.profile_id IS NULL THEN 'out_of_scope'
            ELSE 'unchanged'
        END AS decision,
        CASE
            WHEN p.source_id IS NULL THEN 'unmanaged'
            WHEN e.key IS NOT NULL AND r.key IS NULL THEN 'created_then'
            WHEN r.key IS NOT NULL OR f.n > 0 THEN 'restored'
            WHEN d.key IS NOT NULL AND p.profile_id IS NOT NULL THEN 'edited_since'
            ELSE 'not_part_of_rollback'
        END AS reason_code
    FROM persons p
    LEFT JOIN verdicts_then v ON v.key = p.key
    LEFT JOIN returning_now r ON r.key = p.key
    LEFT JOIN endings e ON e.key = p.key
    LEFT JOIN effects f ON f.key = p.key
    LEFT JOIN edited d ON d.key = p.key
)
SELECT d.*, coalesce(s.sentence, d.reason_code) AS reason
FROM decided d
LEFT JOIN sentences s ON s.reason_code = d.reason_code AND s.decision = d.decision
