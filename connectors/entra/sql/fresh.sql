-- Who must be asked for by id, because what delta said of them is not the whole truth: new users, users that came
-- more than once (their order is not promised), several or only removed managers, values of a wrong type, and whose
-- manager was removed, which need not be told of the people below.
-- Relations in: changes (id, seq, is_removed, is_unclear), previous (id), below (id, manager), recheck (id).
-- Rows out: id, sorted.
WITH told AS (
    SELECT id, count(*) AS times, bool_or(is_removed) AS is_removed, bool_or(is_unclear) AS is_unclear
    FROM changes
    GROUP BY id
)
SELECT told.id
FROM told
LEFT JOIN previous ON previous.id = told.id
WHERE told.times > 1 OR told.is_unclear OR (previous.id IS NULL AND NOT told.is_removed)
UNION
SELECT below.id
FROM below
SEMI JOIN (SELECT id FROM told WHERE is_removed) AS away ON away.id = below.manager
ANTI JOIN told ON told.id = below.id AND told.is_removed
UNION
SELECT recheck.id
FROM recheck
SEMI JOIN previous ON previous.id = recheck.id
ANTI JOIN told ON told.id = recheck.id AND told.is_removed
ORDER BY 1
