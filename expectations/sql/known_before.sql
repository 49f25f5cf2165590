-- in:  looked_at (key: the people asked about), mapped_before, decided_before (of the newest run there is)
-- out: known_before (the columns of mapped_before; is_older; is_waiting: held then, so that an earlier run is to tell)
CREATE OR REPLACE TEMP TABLE known_before AS
SELECT
    mapped_before.*,
    FALSE AS is_older,
    coalesce(decided_before.decision, '') IN ('hold', 'conflict') AS is_waiting
FROM mapped_before
SEMI JOIN looked_at ON looked_at.key = mapped_before.id
LEFT JOIN decided_before ON decided_before.key = mapped_before.id
