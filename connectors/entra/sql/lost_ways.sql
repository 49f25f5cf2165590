-- Whom the last complete run knew in one way, and a list read now does not hold.
-- Relations in: before (id, assigned_by), now_listed (id). Parameter: way, e.g. direct or group:<id>.
-- Rows out: id, sorted.
SELECT before.id
FROM before
ANTI JOIN now_listed USING (id)
WHERE list_contains(before.assigned_by, $way)
ORDER BY before.id
