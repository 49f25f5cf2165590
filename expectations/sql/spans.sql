-- in:  people, users, earlier (id, manager: the users of the last applied run; empty on a first run)
-- out: key, detail: managers of a hundred and more who had less than a third of that before
WITH today AS (
    SELECT manager AS key, count(*) AS reports FROM people WHERE manager IS NOT NULL GROUP BY manager
),

before AS (
    SELECT manager AS key, count(*) AS reports FROM earlier WHERE manager IS NOT NULL GROUP BY manager
)

SELECT
    today.key,
    today.reports || ' people'
    || CASE WHEN (SELECT count(*) FROM earlier) > 0 THEN ', ' || coalesce(before.reports, 0) || ' in the last applied run' ELSE '' END
    AS detail
FROM today
INNER JOIN users ON users.id = today.key
LEFT JOIN before ON before.key = today.key
WHERE today.reports >= 100 AND today.reports > 3 * coalesce(before.reports, 0)
