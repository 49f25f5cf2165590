-- in:  decisions, changes (a way back, cause rollback, may take more back along with a deactivation)
-- out: key, decision, reason, profile_id, oddity: every decision, and what is impossible about it
WITH changed AS (
    SELECT
        key,
        count(*) AS changes,
        count(*) FILTER (WHERE attribute = 'active' AND "after" = 'false') AS endings,
        count(*) FILTER (WHERE attribute <> 'active' AND cause IS DISTINCT FROM 'rollback') AS others
    FROM changes
    GROUP BY key
)

SELECT
    decisions.key,
    decisions.decision,
    decisions.reason,
    decisions.profile_id,
    CASE
        WHEN decisions.decision NOT IN ('create', 'update', 'reactivate', 'deactivate') AND changed.changes > 0
            THEN 'change_without_a_decision'
        WHEN decisions.decision IN ('create', 'update', 'reactivate', 'deactivate') AND changed.changes IS NULL
            THEN 'decision_without_a_change'
        WHEN decisions.decision = 'deactivate' AND (changed.others > 0 OR changed.endings < 1)
            THEN 'deactivation_of_more_than_active'
        WHEN decisions.decision IN ('update', 'reactivate') AND changed.endings > 0 THEN 'hidden_deactivation'
        WHEN decisions.decision IN ('update', 'reactivate', 'deactivate', 'delete') AND decisions.profile_id IS NULL
            THEN 'write_without_a_profile'
        WHEN decisions.decision = 'create' AND decisions.profile_id IS NOT NULL AND decisions.source_id IS NOT NULL
            THEN 'creation_of_what_is_there'
        WHEN decisions.decision = 'unmanaged' AND decisions.source_id IS NOT NULL THEN 'unmanaged_user'
    END AS oddity
FROM decisions
LEFT JOIN changed ON changed.key = decisions.key
