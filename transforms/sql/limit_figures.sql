-- The figures limits are measured by.
-- in:  decided (active: the profile's before the plan), profiles
-- out: one row: creates, updates, offs, ons, deletes, holds, in_scope, active, profiles
SELECT
    count(*) FILTER (WHERE d.decision = 'create'),
    count(*) FILTER (WHERE d.decision = 'update'),
    count(*) FILTER (WHERE d.decision = 'deactivate'),
    count(*) FILTER (WHERE d.decision = 'reactivate'),
    count(*) FILTER (WHERE d.decision = 'delete'),
    count(*) FILTER (WHERE d.decision = 'hold' AND d.reason_code NOT IN ('not_selected', 'rolled_back')),
    count(*) FILTER (WHERE d.is_user AND d.in_scope),
    count(*) FILTER (WHERE d.source_id IS NOT NULL AND d.profile_id IS NOT NULL AND d.active IS DISTINCT FROM FALSE),
    (SELECT count(*) FROM profiles)
FROM decided d
