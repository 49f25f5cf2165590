-- Who is named somewhere but was not read.
-- Relations in: wanted (id), users_read (id).
-- Rows out: id, sorted.
SELECT DISTINCT wanted.id
FROM wanted
ANTI JOIN users_read USING (id)
WHERE wanted.id IS NOT NULL
ORDER BY wanted.id
