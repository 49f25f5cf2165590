-- in:  users, scope, verdicts, wanted (key, given, family, user_name, email, employee_number as desired;
--      given_unsaid, family_unsaid: the source could not have said); $present, $no_number patterns
-- out: people: everybody in scope who is or may be a person, with what the checks look at
CREATE OR REPLACE TEMP TABLE people AS
WITH seen AS (
    SELECT
        users.id AS key,
        users.accountEnabled AS enabled,
        verdicts.verdict,
        users.displayName AS display,
        users.userPrincipalName AS upn,
        users.manager,
        wanted.given,
        wanted.family,
        wanted.user_name,
        wanted.email,
        CASE
            WHEN NOT regexp_matches(coalesce(wanted.employee_number, users.employeeId), $no_number)
                THEN coalesce(wanted.employee_number, users.employeeId)
        END AS employee_number,
        coalesce(regexp_matches(wanted.given, $present), wanted.given_unsaid, FALSE) AS has_given,
        coalesce(regexp_matches(wanted.family, $present), wanted.family_unsaid, FALSE) AS has_family
    FROM users
    INNER JOIN verdicts ON verdicts.key = users.id
    LEFT JOIN scope ON scope.key = users.id
    LEFT JOIN wanted ON wanted.key = users.id
    WHERE coalesce(scope.in_scope, TRUE) AND verdicts.verdict IN ('person', 'unsure')
)

SELECT
    *,
    CASE
        WHEN has_given AND has_family THEN 'both'
        WHEN NOT has_given AND NOT has_family THEN 'none'
        WHEN
            regexp_matches(display, $present)
            AND NOT regexp_matches(trim(display), '[\s\p{Z}]')
            AND fold_text(trim(display)) = fold_text(trim(CASE WHEN has_given THEN given ELSE family END))
            THEN 'mononym'
        WHEN has_given THEN 'no_last'
        ELSE 'no_first'
    END AS names,
    fold_value(user_name) AS user_name_folded,
    fold_value(email) AS email_folded,
    fold_value(employee_number) AS employee_number_folded,
    CASE
        WHEN NOT (has_given AND has_family) THEN NULL
        WHEN lower(trim(given)) = lower(trim(family)) THEN 'doubled'
        WHEN
            starts_with(lower(display), lower(family))
            AND fold_text(display) = fold_text(family || ' ' || given)
            AND starts_with(fold_text(upn), fold_text(family) || '.' || fold_text(given))
            THEN 'swapped'
    END AS name_order
FROM seen
