-- Who the manager of each row is: an e-mail, the report's own id, or a full name, as the report has it; else as the
-- directory has it now. What the report knows goes first: it speaks of the people of its day.
-- in:  report_said(row, said: folded, said_id), report_people(row, key, state, ids_are_foreign),
--      report_rows(row, email, id, name), report_mails(key, email), report_names(key, name),
--      persons(key, profile_id)
-- out: row, key (of the person), manager (key), state (found, nobody, several, unclear: the manager's own row; itself)
WITH wants AS (
    SELECT s.row, p.key, s.said, s.said_id FROM report_said s JOIN report_people p ON p.row = s.row AND p.state = 'found'
),
rows_meant AS (
    SELECT w.row, r.row AS of_row, 1 AS rank FROM wants w JOIN report_rows r ON r.email = w.said
    UNION ALL
    SELECT w.row, r.row, 2 FROM wants w JOIN report_rows r ON r.id = w.said_id
    UNION ALL
    SELECT w.row, r.row, 3 FROM wants w JOIN report_rows r ON r.name = w.said
),
best_rows AS (
    SELECT row, of_row FROM rows_meant QUALIFY rank = min(rank) OVER (PARTITION BY row)
),
by_report AS (
    SELECT b.row, count(*) AS n, any_value(p.key) AS manager, any_value(p.state) AS state
    FROM best_rows b
    JOIN report_people p ON p.row = b.of_row
    GROUP BY b.row
),
people_meant AS (
    SELECT w.row, m.key AS manager, 1 AS rank FROM wants w JOIN report_mails m ON m.email = w.said
    UNION ALL
    SELECT w.row, n.key, 3 FROM wants w JOIN report_names n ON n.name = w.said
    UNION ALL
    SELECT w.row, p.key, 2
    FROM wants w
    JOIN persons p ON p.profile_id = w.said_id
    WHERE NOT (SELECT coalesce(bool_or(ids_are_foreign), FALSE) FROM report_people)
),
best_people AS (
    SELECT DISTINCT row, manager FROM people_meant QUALIFY rank = min(rank) OVER (PARTITION BY row)
),
by_directory AS (
    SELECT row, count(*) AS n, any_value(manager) AS manager FROM best_people GROUP BY row
),
meant AS (
    SELECT
        w.row, w.key, CASE WHEN r.row IS NULL THEN d.manager WHEN r.n = 1 THEN r.manager END AS manager,
        coalesce(r.n, d.n, 0) AS n, r.row IS NOT NULL AND r.state NOT IN ('found', 'unmanaged') AS row_is_unclear
    FROM wants w
    LEFT JOIN by_report r ON r.row = w.row
    LEFT JOIN by_directory d ON d.row = w.row
)
SELECT
    row, key, manager,
    CASE
        WHEN n = 0 THEN 'nobody'
        WHEN n > 1 THEN 'several'
        WHEN row_is_unclear OR manager IS NULL THEN 'unclear'
        WHEN manager = key THEN 'itself'
        ELSE 'found'
    END AS state
FROM meant
