-- The figures limits are measured by.
-- in:  decided, courses (active: the profile's before the plan), persons
-- out: one row: creates, updates, offs, ons, deletes, holds, in_scope, active, profiles
SELECT
    count(*) FILTER (WHERE d.decision = 'create'),
    count(*) FILTER (WHERE d.decision = 'update'),
    count(*) FILTER (WHERE d.decision = 'deactivate'),
    count(*) FILTER (WHERE d.decision = 'reactivate'),
    count(*) FILTER (WHERE d.decision = 'delete'),
    count(*) FILTER (WHERE d.decision = 'hold' AND d.reason_code NOT IN ('not_selected', 'rolled_back')),
    count(*) FILTER (WHERE c.is_user AND c.in_scope),
    count(*) FILTER (WHERE d.source_id IS NOT NULL AND d.profile_id IS NOT NULL AND c.active IS DISTINCT FROM FALSE),
    (SELECT count(*) FROM profiles)
FROM decided d
JOIN courses c ON c.key = d.key
