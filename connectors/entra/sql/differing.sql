-- How many ids only one of two reads has.
-- Relations in: one (id), other (id).
-- Rows out: one number.
SELECT
    (SELECT count(DISTINCT id) FROM one ANTI JOIN other USING (id))
    + (SELECT count(DISTINCT id) FROM other ANTI JOIN one USING (id))
