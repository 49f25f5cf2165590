-- in:  users, scope, verdicts, people, first_names, earlier (id, user_name: users of the last applied run; empty on a first run)
-- out: one row of facts about the source as a whole
WITH scoped AS (
    SELECT users.id, users.accountEnabled
    FROM users
    LEFT JOIN scope ON scope.key = users.id
    WHERE coalesce(scope.in_scope, TRUE)
),

gone AS MATERIALIZED (
    SELECT lower(earlier.user_name) AS user_name FROM earlier ANTI JOIN users AS same ON same.id = earlier.id
),

lost AS (
    SELECT count(*) AS replaced
    FROM gone
    INNER JOIN users AS renewed ON lower(renewed.userPrincipalName) = gone.user_name
),

usual AS (
    SELECT
        count(*) FILTER (WHERE as_first.name IS NOT NULL AND as_last.name IS NULL) AS firsts,
        count(*) FILTER (WHERE as_first.name IS NULL AND as_last.name IS NOT NULL) AS lasts
    FROM people
    LEFT JOIN first_names AS as_first ON as_first.name = fold_text(trim(people.given))
    LEFT JOIN first_names AS as_last ON as_last.name = fold_text(trim(people.family))
)

SELECT
    (SELECT count(*) FROM users) AS users,
    (SELECT count(DISTINCT id) FROM users) AS ids,
    (SELECT count(*) FROM users WHERE id IS NULL OR trim(id) = '') AS ids_missing,
    (SELECT count(*) FROM scoped) AS in_scope,
    (SELECT count(*) FROM scoped WHERE accountEnabled IS FALSE) AS disabled,
    (SELECT count(*) FROM people) AS people,
    (SELECT count(*) FROM people WHERE enabled IS DISTINCT FROM FALSE) AS enabled_people,
    (SELECT count(*) FROM earlier) AS earlier_users,
    (SELECT replaced FROM lost) AS replaced,
    (SELECT firsts FROM usual) AS usual_firsts,
    (SELECT lasts FROM usual) AS usual_lasts,
    (
        SELECT count(*)
        FROM people
        WHERE has_family AND has_given AND regexp_matches(display, ' ')
    ) AS named,
    (
        SELECT count(*)
        FROM people
        WHERE
            has_family AND has_given AND regexp_matches(display, ' ')
            AND CASE
                WHEN contains(display, trim(family)) THEN FALSE
                ELSE NOT contains(fold_text(display), fold_text(trim(family))) AND NOT contains(fold_text(upn), fold_text(trim(family)))
            END
    ) AS last_names_disagree,
    (
        SELECT count(*)
        FROM people
        WHERE
            has_family AND has_given AND regexp_matches(display, ' ')
            AND CASE
                WHEN contains(display, trim(given)) THEN FALSE
                ELSE NOT contains(fold_text(display), fold_text(trim(given))) AND NOT contains(fold_text(upn), fold_text(trim(given)))
            END
    ) AS first_names_disagree
