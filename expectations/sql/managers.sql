-- in:  people, users, scope, verdicts, circles (key: people whose chain of managers leads back to them)
-- out: key, state, detail: what is odd about a manager; null where nothing is
SELECT
    people.key,
    CASE
        WHEN people.manager = people.key THEN 'manager_is_self'
        WHEN circles.key IS NOT NULL THEN 'manager_cycle'
        WHEN manager.id IS NULL THEN 'manager_unknown'
        WHEN NOT coalesce(scope.in_scope, TRUE) THEN 'manager_out_of_scope'
        WHEN manager.accountEnabled IS FALSE THEN 'manager_leaving'
        WHEN verdicts.verdict NOT IN ('person', 'unsure') THEN 'manager_not_a_person'
    END AS state,
    people.manager AS detail
FROM people
LEFT JOIN users AS manager ON manager.id = people.manager
LEFT JOIN scope ON scope.key = people.manager
LEFT JOIN verdicts ON verdicts.key = people.manager
LEFT JOIN circles ON circles.key = people.key
WHERE people.manager IS NOT NULL
