-- The directory after one run: what was read, with what apply wrote on top.
-- In:  :actual (key, user_name, display_name, department, title, manager_key, active), :decisions (key, decision),
--      :outcome (key, operation, result, written, found).
-- Out: key, user_name, display_name, department, title, manager_key, manager_name, active, decision.
-- A value the target made something else of is what the target made of it. What was put back (restore) is as it was.
WITH applied AS (
    SELECT key, operation, written, found FROM :outcome WHERE result = 'applied' AND operation <> 'restore'
),

entries AS (
    SELECT key, unnest(written) AS entry, found FROM applied
),

written_values AS (
    SELECT
        key,
        lower(split_part(entry.attribute, ':', -1)) AS name,
        CASE
            WHEN len(list_filter(found, lambda f: f.attribute = entry.attribute AND f.class <> 'kept')) > 0
                THEN list_filter(found, lambda f: f.attribute = entry.attribute AND f.class <> 'kept')[1].value
            ELSE entry.value
        END::JSON ->> '$' AS value
    FROM entries
),

wide AS (
    SELECT
        key,
        count(*) FILTER (WHERE name = 'username') > 0 AS has_user_name,
        max(value) FILTER (WHERE name = 'username') AS user_name,
        count(*) FILTER (WHERE name = 'displayname') > 0 AS has_display_name,
        max(value) FILTER (WHERE name = 'displayname') AS display_name,
        count(*) FILTER (WHERE name = 'department') > 0 AS has_department,
        max(value) FILTER (WHERE name = 'department') AS department,
        count(*) FILTER (WHERE name = 'title') > 0 AS has_title,
        max(value) FILTER (WHERE name = 'title') AS title,
        count(*) FILTER (WHERE name IN ('manager', 'manager.value')) > 0 AS has_manager,
        max(value) FILTER (WHERE name IN ('manager', 'manager.value')) AS manager_key,
        count(*) FILTER (WHERE name = 'active') > 0 AS has_active,
        max(value) FILTER (WHERE name = 'active') AS active
    FROM written_values
    GROUP BY key
),

after_apply AS (
    SELECT
        a.key,
        CASE WHEN w.has_user_name THEN w.user_name ELSE a.user_name END AS user_name,
        CASE WHEN w.has_display_name THEN w.display_name ELSE a.display_name END AS display_name,
        CASE WHEN w.has_department THEN w.department ELSE a.department END AS department,
        CASE WHEN w.has_title THEN w.title ELSE a.title END AS title,
        CASE WHEN w.has_manager THEN w.manager_key ELSE a.manager_key END AS manager_key,
        CASE WHEN w.has_active THEN try_cast(w.active AS BOOLEAN) ELSE a.active END AS active
    FROM :actual AS a
    LEFT JOIN wide AS w ON w.key = a.key
    WHERE a.key NOT IN (SELECT key FROM applied WHERE operation = 'delete' AND key IS NOT NULL)
    UNION ALL
    SELECT
        w.key,
        w.user_name,
        w.display_name,
        w.department,
        w.title,
        w.manager_key,
        coalesce(try_cast(w.active AS BOOLEAN), TRUE)
    FROM wide AS w
    JOIN applied AS p ON p.key = w.key AND p.operation = 'create'
    WHERE NOT EXISTS (SELECT 1 FROM :actual AS b WHERE b.key = w.key)
)

SELECT
    one.key,
    one.user_name,
    one.display_name,
    one.department,
    one.title,
    one.manager_key,
    boss.display_name AS manager_name,
    coalesce(one.active, TRUE) AS active,
    d.decision
FROM after_apply AS one
LEFT JOIN :decisions AS d ON d.key = one.key
LEFT JOIN after_apply AS boss ON boss.key = one.manager_key
