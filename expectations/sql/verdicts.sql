-- in:  accounts, marks, thing_names, first_names (usual ones, folded)
-- out: key, verdict, signals (in words): one row per user, before anything said by hand
WITH kinds AS (
    SELECT
        key,
        kind,
        sum(strength) AS strength,
        max(strength) AS strongest,
        bool_or(is_own_name) AS is_own_name,
        list(
            CASE
                WHEN strength = 0 THEN field || ' has the word “' || word || '”, which is also the person''s own name'
                WHEN field IN ('user name', 'mail nickname', 'display name') AND strength < 20 THEN field || ' has the word “' || word || '”'
                WHEN field = 'user name' THEN field || ' is ' || word
                WHEN field IN ('mailbox purpose', 'employee type', 'job title', 'department', 'organisational unit')
                    THEN field || ' says “' || left(word, 60) || '”'
                ELSE field || ': ' || word
            END
            ORDER BY strength DESC, field
        ) AS signals
    FROM marks
    GROUP BY key, kind
),

worst AS (
    SELECT
        key,
        arg_max(kind, (strength, kind)) AS kind,
        max(strength) AS strength,
        max(strongest) AS strongest,
        flatten(list(signals ORDER BY strength DESC, kind)) AS signals
    FROM kinds
    GROUP BY key
),

measured AS (
    SELECT
        accounts.*,
        accounts.given <> '' AND thing_given.part IS NULL AS given_is_name,
        accounts.family <> '' AND thing_family.part IS NULL AS family_is_name,
        usual_given.name IS NOT NULL AS is_usual_given,
        coalesce(worst.strength, 0) AS thing_strength,
        coalesce(worst.strongest, 0) AS thing_strongest,
        worst.kind,
        coalesce(worst.signals, []) AS thing_signals,
        twin.key IS NOT NULL AS has_everyday_twin
    FROM accounts
    LEFT JOIN worst ON worst.key = accounts.key
    LEFT JOIN thing_names AS thing_given ON thing_given.part = accounts.given
    LEFT JOIN thing_names AS thing_family ON thing_family.part = accounts.family
    LEFT JOIN first_names AS usual_given ON usual_given.name = accounts.given
    LEFT JOIN (
        SELECT second.key
        FROM worst
        INNER JOIN accounts AS second ON second.key = worst.key
        INNER JOIN accounts AS first
            ON first.key <> second.key
            AND first.local = regexp_replace(second.local, '^[a-z0-9]{1,6}[-_.]|[-_.](adm|admin|da|ga|priv|a|t0|t1|test|tst)[0-9]*$', '')
            AND second.local <> first.local
        WHERE worst.kind IN ('admin_or_break_glass', 'test_account')
        UNION
        SELECT second.key
        FROM worst
        INNER JOIN accounts AS second ON second.key = worst.key
        INNER JOIN accounts AS first
            ON first.key <> second.key
            AND first.given = second.given AND first.family = second.family
            AND second.given <> '' AND second.family <> ''
            AND first.employee_id IS NOT NULL AND coalesce(second.employee_id, first.employee_id) = first.employee_id
        LEFT JOIN worst AS marked ON marked.key = first.key
        WHERE worst.kind = 'admin_or_break_glass' AND worst.strongest >= 2 AND coalesce(marked.strength, 0) = 0
    ) AS twin ON twin.key = accounts.key
),

weighed AS (
    SELECT
        measured.*,
        CASE
            WHEN given_is_name AND family_is_name THEN 2
            -- Maria Sales: a usual first name makes a whole name of a last name that is a word for a thing. Test Anna is none.
            WHEN family <> '' AND is_usual_given THEN 2
            WHEN given_is_name OR family_is_name THEN 1
            ELSE 0
        END AS name_points,
        (employee_id IS NOT NULL AND NOT regexp_matches(lower(employee_id), '^(svc|service|shared|room|test|n/?a|none|-|0+)')) AS has_employee_id,
        (
            employee_type IS NOT NULL AND list_contains(list_transform(thing_signals, lambda s: starts_with(s, 'employee type')), TRUE) IS NOT TRUE
        ) AS has_employee_type,
        thing_strength
        + CASE WHEN thing_strength > 0 AND given = '' AND family = '' THEN 2 ELSE 0 END
        + CASE WHEN has_everyday_twin THEN 4 ELSE 0 END
        + CASE
            WHEN thing_strength > 0 AND domain LIKE '%onmicrosoft.com' AND house_cloud_domain < 0.3 THEN 1 ELSE 0
        END
        + CASE WHEN thing_strength > 0 AND listed IS NOT DISTINCT FROM FALSE THEN 1 ELSE 0 END
        + CASE
            WHEN thing_strength > 0 AND house_placed > 0.5 AND coalesce(job_title, department, manager, employee_id) IS NULL THEN 1
            ELSE 0
        END AS thing_points
    FROM measured
),

summed AS (
    SELECT
        weighed.*,
        name_points
        + has_employee_id::INT * 2
        + (manager IS NOT NULL AND manager <> key)::INT
        + (job_title IS NOT NULL)::INT
        + (department IS NOT NULL)::INT
        + (reports > 0)::INT * 2
        + has_employee_type::INT
        + (coalesce(licenses, 0) > 0)::INT
        + (purpose IN ('user', 'linked') IS TRUE)::INT
        + has_mobile::INT AS person_points,
        has_employee_id::INT * 2
        + (manager IS NOT NULL AND manager <> key)::INT
        + (job_title IS NOT NULL AND NOT list_contains(list_transform(thing_signals, lambda s: starts_with(s, 'job title')), TRUE))::INT
        + (reports > 0)::INT * 2 AS hr_points
    FROM weighed
),

judged AS (
    SELECT
        summed.*,
        CASE
            WHEN (user_type = 'guest' OR (is_invited_name AND user_type IS DISTINCT FROM 'member')) THEN 'guest'
            WHEN thing_strength = 0 AND person_points >= 2 THEN 'person'
            WHEN thing_strength = 0 THEN 'unsure'
            WHEN thing_strength >= 20 AND (enabled IS FALSE OR person_points < 6) THEN kind
            WHEN thing_strength >= 20 THEN 'unsure'
            WHEN person_points - thing_points >= 2 THEN 'person'
            WHEN has_everyday_twin AND thing_points > person_points - 2 THEN kind
            WHEN name_points = 2 AND thing_strongest < 4 THEN 'unsure'
            WHEN thing_strongest < 5 AND hr_points >= 2 THEN 'unsure'
            WHEN thing_strongest < 5 AND given_is_name AND (family = '' OR hr_points + (department IS NOT NULL)::INT >= 1) THEN 'unsure'
            WHEN thing_strength < 4 AND NOT has_everyday_twin AND name_points = 0 AND contains(display, ' ') THEN 'unsure'
            WHEN thing_points - person_points >= 1 AND thing_points >= 2 THEN kind
            WHEN name_points = 0 AND NOT has_employee_id AND thing_points >= 4 THEN kind
            ELSE 'unsure'
        END AS verdict
    FROM summed
)

SELECT
    key,
    verdict,
    list_filter(
        list_concat(
            CASE WHEN user_type = 'guest' THEN ['user type is Guest'] ELSE [] END,
            CASE WHEN is_invited_name THEN ['user name is that of an invited guest (#EXT#)'] ELSE [] END,
            CASE WHEN external_state IS NOT NULL THEN ['invitation is ' || external_state] ELSE [] END,
            thing_signals,
            CASE WHEN has_everyday_twin THEN ['another account has the same user name without the addition'] ELSE [] END,
            CASE
                WHEN thing_strength > 0 AND domain LIKE '%onmicrosoft.com' AND house_cloud_domain < 0.3
                    THEN ['user name lies in the onmicrosoft.com domain, most others do not']
                ELSE []
            END,
            CASE WHEN listed IS NOT DISTINCT FROM FALSE THEN ['hidden from the address list'] ELSE [] END,
            [
                CASE
                    WHEN name_points = 2 THEN 'has a first and a last name'
                    WHEN name_points = 1 AND given <> '' AND family <> '' THEN 'one half of the name is a word for a thing'
                    WHEN name_points = 1 THEN 'has one name only'
                    WHEN given = '' AND family = '' THEN 'has neither first nor last name'
                    ELSE 'first and last name are words for things'
                END,
                CASE WHEN has_employee_id THEN 'has an employee number' WHEN house_employee_id > 0.5 THEN 'has no employee number, most others have' END,
                CASE WHEN manager IS NOT NULL AND manager <> key THEN 'has a manager' END,
                CASE WHEN reports > 0 THEN 'is the manager of ' || reports END,
                CASE WHEN job_title IS NOT NULL THEN 'has a job title' END,
                CASE WHEN department IS NOT NULL THEN 'has a department' END,
                CASE WHEN has_employee_type THEN 'has an employee type' END,
                CASE WHEN coalesce(licenses, 0) > 0 THEN 'has a licence' WHEN licenses = 0 AND house_licensed > 0.5 THEN 'has no licence, most others have' END,
                CASE WHEN purpose IN ('user', 'linked') THEN 'mailbox purpose says “' || purpose || '”' END,
                CASE WHEN has_mobile THEN 'has a mobile phone' END
            ]
        ),
        lambda s: s IS NOT NULL
    ) AS signals,
    user_type,
    upn
FROM judged
