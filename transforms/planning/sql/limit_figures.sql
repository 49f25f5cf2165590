-- The figures limits are measured by.
-- in:  decisions, counted (active: the profile's before the plan), profiles
-- out: one row: creates, updates, offs, ons, deletes, holds, in_scope, active, profiles
WITH sums AS (
    SELECT decision, count(*) AS n, count(*) FILTER (WHERE reason_code NOT IN ('not_selected', 'rolled_back')) AS own
    FROM decisions
    GROUP BY decision
),
bases AS (
    SELECT
        count(*) FILTER (WHERE is_user AND in_scope) AS in_scope,
        count(*) FILTER (WHERE source_id IS NOT NULL AND profile_id IS NOT NULL AND active IS DISTINCT FROM FALSE)
            AS active
    FROM counted
)
SELECT
    coalesce(max(n) FILTER (WHERE decision = 'create'), 0),
    coalesce(max(n) FILTER (WHERE decision = 'update'), 0),
    coalesce(max(n) FILTER (WHERE decision = 'deactivate'), 0),
    coalesce(max(n) FILTER (WHERE decision = 'reactivate'), 0),
    coalesce(max(n) FILTER (WHERE decision = 'delete'), 0),
    coalesce(max(own) FILTER (WHERE decision = 'hold'), 0),
    (SELECT in_scope FROM bases),
    (SELECT active FROM bases),
    (SELECT count(*) FROM profiles)
FROM sums
