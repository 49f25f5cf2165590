-- What happens to each person: the course, corrected by what comparing showed.
-- in:  courses, held_back(key, reason_code, detail) (one row per key), effects(key, turns_off, turns_on, n),
--      shielded(key, reason_code), sentences(reason_code, decision, sentence)
-- out: key, source_id, profile_id, user_name, matched_by, verdict, decision, reason_code, reason
WITH decided AS (
    SELECT
        c.key, c.source_id, c.profile_id, c.user_name, c.matched_by, c.verdict,
        CASE
            WHEN b.key IS NOT NULL THEN b.decision
            WHEN c.course IN ('kept', 'done') THEN 'unchanged'
            WHEN c.course <> 'compare' THEN c.course
            WHEN e.turns_off THEN 'deactivate'
            WHEN e.turns_on THEN 'reactivate'
            WHEN e.n > 0 THEN 'update'
            ELSE 'unchanged'
        END AS decision,
        CASE
            WHEN b.key IS NOT NULL THEN b.reason_code
            WHEN c.course = 'done' THEN c.reason_code
            WHEN c.course = 'compare' AND e.turns_off THEN 'mapped_inactive'
            WHEN c.course = 'compare' AND e.turns_on THEN 'active_again'
            WHEN c.course = 'compare' AND e.n > 0 THEN CASE WHEN c.is_new THEN 'adopted' ELSE 'differs' END
            WHEN c.course = 'compare' THEN coalesce(l.reason_code, CASE WHEN c.is_new THEN 'adopted' ELSE 'same' END)
            WHEN c.course = 'create' THEN 'no_profile'
            ELSE c.reason_code
        END AS reason_code,
        coalesce(b.detail, c.detail, CASE WHEN c.is_new THEN c.matched_by END) AS detail
    FROM (SELECT *, profile_id IS NOT NULL AND since IS NULL AS is_new FROM courses) AS c
    LEFT JOIN held_back b ON b.key = c.key
    LEFT JOIN effects e ON e.key = c.key
    LEFT JOIN shielded l ON l.key = c.key
)
SELECT
    d.key, d.source_id, d.profile_id, d.user_name, d.matched_by, d.verdict, d.decision, d.reason_code,
    CASE
        WHEN contains(s.sentence, '{detail}') THEN replace(s.sentence, '{detail}', coalesce(d.detail, 'unknown'))
        ELSE coalesce(s.sentence, d.reason_code)
    END AS reason
FROM decided d
LEFT JOIN sentences s ON s.reason_code = d.reason_code AND s.decision = d.decision
