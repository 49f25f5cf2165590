-- How many were not asked for by id though their manager was, and was not found.
-- Relations in: below (id, manager), asked (id), fresh (id).
-- Rows out: one number.
SELECT count(*)
FROM below
SEMI JOIN (SELECT id FROM asked ANTI JOIN fresh USING (id)) AS away ON away.id = below.manager
ANTI JOIN asked ON asked.id = below.id
