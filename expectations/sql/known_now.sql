-- in:  known_before, known_earlier
-- out: known_before, with what known_earlier tells of who waited
CREATE OR REPLACE TEMP TABLE known_before AS
SELECT * FROM known_before ANTI JOIN known_earlier USING (id)
UNION ALL
SELECT *, TRUE AS is_older, FALSE AS is_waiting FROM known_earlier
