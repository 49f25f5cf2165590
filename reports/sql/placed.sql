-- Where everybody who changes stands before this plan and after it.
-- In:  decisions, changes, here (key, department, manager_key, active: as the target has it)
-- Out: placed: key, story, is_before, is_after (active and managed), department and manager before and after, has_manager
--      (whether the manager changes)
CREATE OR REPLACE TEMP TABLE placed AS
WITH changing AS (
    SELECT
        c.key,
        coalesce(bool_or(is_department(c.attribute)), FALSE) AS has_department,
        coalesce(bool_or(is_department(c.attribute) AND c.before IS NOT NULL AND c.after IS NOT NULL), FALSE) AS moves,
        coalesce(bool_or(is_reference(c.attribute)), FALSE) AS has_manager,
        max(text_of(c.after)) FILTER (WHERE is_department(c.attribute)) AS department,
        max(text_of(c.before)) FILTER (WHERE is_department(c.attribute)) AS department_before,
        max(text_of(c.after)) FILTER (WHERE is_reference(c.attribute)) AS manager,
        max(text_of(c.before)) FILTER (WHERE is_reference(c.attribute)) AS manager_before,
        max(text_of(c.after)) FILTER (WHERE lower(c.attribute) = 'active') AS active,
        bool_or(c.cause = 'first_adoption') AS is_adopted
    FROM changes AS c
    GROUP BY c.key
)
SELECT
    d.key,
    CASE
        WHEN d.reason_code IN ('created_then', 'restored') THEN 'taken_back'
        WHEN d.decision = 'create' THEN 'joined'
        WHEN d.decision = 'reactivate' THEN 'returned'
        WHEN d.decision = 'delete' THEN 'deleted'
        WHEN d.decision = 'deactivate' AND d.reason_code IN ('disabled', 'deleted', 'gone') THEN 'left'
        WHEN d.decision = 'deactivate' THEN 'ended'
        WHEN c.is_adopted THEN 'adopted'
        WHEN c.moves THEN 'moved'
        ELSE 'other'
    END AS story,
    d.decision NOT IN ('create', 'reactivate') AND coalesce(h.active, TRUE) AS is_before,
    d.decision NOT IN ('deactivate', 'delete') AND coalesce(c.active, h.active::VARCHAR, 'true') = 'true' AS is_after,
    CASE WHEN d.decision = 'create' THEN NULL ELSE coalesce(h.department, c.department_before) END AS department_before,
    CASE WHEN c.has_department THEN c.department ELSE h.department END AS department_after,
    CASE WHEN d.decision = 'create' THEN NULL ELSE coalesce(h.manager_key, c.manager_before) END AS manager_before,
    CASE WHEN c.has_manager THEN c.manager ELSE h.manager_key END AS manager_after,
    coalesce(c.has_manager, FALSE) AS has_manager
FROM decisions AS d
LEFT JOIN changing AS c ON c.key = d.key
LEFT JOIN here AS h ON h.key = d.key
WHERE d.decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
