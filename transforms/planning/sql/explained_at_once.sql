-- Causes that need no look at values of earlier runs.
-- in:  planned, decisions, courses, decided_then(key, profile_id, reason_code) (of the last applied run)
-- out: key, attribute, before, after, cause (null: to be found out)
SELECT
    p.key, p.attribute, p.before, p.after,
    CASE
        WHEN d.decision = 'create' AND t.profile_id IS NOT NULL THEN 'edited_in_target'
        WHEN d.decision = 'create' AND t.reason_code IN ('not_assigned', 'filtered_out') THEN 'scope_changed'
        WHEN d.decision = 'create' THEN 'source_changed'
        WHEN c.since IS NULL THEN 'first_adoption'
        WHEN p.attribute = 'active' AND t.key IS NOT NULL
            AND coalesce(t.reason_code IN ('not_assigned', 'filtered_out'), FALSE)
                <> coalesce(d.reason_code IN ('not_assigned', 'filtered_out'), FALSE)
            AND coalesce(t.reason_code NOT IN ('disabled', 'deleted', 'gone', 'kept'), TRUE)
            AND d.reason_code NOT IN ('disabled', 'deleted', 'gone') THEN 'scope_changed'
    END AS cause
FROM planned p
JOIN decisions d USING (key)
JOIN courses c USING (key)
LEFT JOIN decided_then t ON t.key = p.key
