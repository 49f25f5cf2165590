-- Who each row of a directory report is about: by e-mail, else by the directory's id, else by full name.
-- in:  report_rows(row, email, id, name) and report_mails(key, email), report_names(key, name), folded alike;
--      persons(key, source_id, profile_id)
-- out: row, key (where state is found or unmanaged), how (email, id, name), state (found, nobody, several: people;
--      shared: several rows have this name; doubled: another row is about the same person; unmanaged),
--      ids_are_foreign (the report's ids are another system's)
WITH by_mail AS (
    SELECT DISTINCT r.row, m.key FROM report_rows r JOIN report_mails m ON m.email = r.email
),
sure AS (
    SELECT row, any_value(key) AS key FROM by_mail GROUP BY row HAVING count(*) = 1
),
-- One row whose e-mail and id name different people shows that the ids mean something else here.
foreign_ids AS (
    SELECT count(*) > 0 AS found
    FROM sure s
    JOIN report_rows r ON r.row = s.row
    JOIN persons p ON p.profile_id = r.id
    WHERE p.key <> s.key
),
by_id AS (
    SELECT r.row, p.key
    FROM report_rows r
    JOIN persons p ON p.profile_id = r.id
    WHERE r.row NOT IN (SELECT row FROM by_mail) AND NOT (SELECT found FROM foreign_ids)
),
shared AS (
    SELECT name FROM report_rows WHERE name IS NOT NULL GROUP BY name HAVING count(*) > 1
),
by_name AS (
    SELECT DISTINCT r.row, n.key
    FROM report_rows r
    JOIN report_names n ON n.name = r.name
    WHERE r.row NOT IN (SELECT row FROM by_mail) AND r.row NOT IN (SELECT row FROM by_id)
),
hits AS (
    SELECT row, key, 'email' AS how FROM by_mail
    UNION ALL
    SELECT row, key, 'id' FROM by_id
    UNION ALL
    SELECT row, key, 'name' FROM by_name
),
counted AS (
    SELECT row, count(*) AS people, any_value(key) AS key, any_value(how) AS how FROM hits GROUP BY row
),
doubled AS (
    SELECT key FROM counted WHERE people = 1 GROUP BY key HAVING count(*) > 1
)
SELECT
    r.row, CASE WHEN c.people = 1 THEN c.key END AS key, c.how,
    CASE
        WHEN c.row IS NULL THEN 'nobody'
        WHEN c.people > 1 THEN 'several'
        WHEN c.how = 'name' AND r.name IN (SELECT name FROM shared) THEN 'shared'
        WHEN c.key IN (SELECT key FROM doubled) THEN 'doubled'
        WHEN p.source_id IS NULL THEN 'unmanaged'
        ELSE 'found'
    END AS state,
    (SELECT found FROM foreign_ids) AS ids_are_foreign
FROM report_rows r
LEFT JOIN counted c ON c.row = r.row
LEFT JOIN persons p ON p.key = c.key AND c.people = 1
