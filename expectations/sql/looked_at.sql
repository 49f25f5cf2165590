-- in:  people, changed_rows (key: who is new or has another row than in the run before), decided_then (key, verdict,
--      decision, reason_code) and found_then (key) of that run, shared (key), rehired (key)
-- out: looked_at: the rows of people that checks of single rows must see: all but those that were found in order as they are
CREATE OR REPLACE TEMP TABLE looked_at AS
WITH in_order AS (
    SELECT key, verdict
    FROM decided_then
    -- Whoever had one of these was in scope, was taken for a person, and nothing held them; “kept” may have been out of scope.
    WHERE decision IN ('create', 'update', 'reactivate', 'unchanged')
    AND reason_code IS DISTINCT FROM 'kept'
    AND key NOT IN (SELECT key FROM found_then WHERE key IS NOT NULL)
    AND key NOT IN (SELECT key FROM changed_rows)
    AND key NOT IN (SELECT key FROM shared)
    AND key NOT IN (SELECT key FROM rehired)
)

SELECT people.*
FROM people
ANTI JOIN in_order ON in_order.key = people.key AND in_order.verdict = people.verdict
