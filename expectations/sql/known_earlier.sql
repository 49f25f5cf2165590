-- in:  known_before, mapped_before and decided_before of an earlier applied run
-- out: known_earlier: who waits and was taken over then, with what stood there
CREATE OR REPLACE TEMP TABLE known_earlier AS
SELECT mapped_before.*
FROM mapped_before
SEMI JOIN (SELECT id FROM known_before WHERE is_waiting) AS waiting ON waiting.id = mapped_before.id
SEMI JOIN (
    SELECT key FROM decided_before WHERE decision IN ('create', 'update', 'reactivate', 'unchanged')
) AS taken_over ON taken_over.key = mapped_before.id
