-- Whom the changes bring who was not there before: new or restored.
-- Relations in: changes (id, is_removed), previous (id).
-- Rows out: id, sorted.
SELECT changes.id
FROM changes
ANTI JOIN previous USING (id)
GROUP BY changes.id
HAVING NOT bool_and(changes.is_removed)
ORDER BY changes.id
