-- Who is to be asked for again by id.
-- Relations in: users_read (id, unreadable), asked_for (name).
-- Rows out: id, sorted.
SELECT DISTINCT lacked.id
FROM (SELECT id, unnest(unreadable) AS name FROM users_read WHERE unreadable IS NOT NULL) AS lacked
SEMI JOIN asked_for ON asked_for.name = lacked.name
ORDER BY lacked.id
