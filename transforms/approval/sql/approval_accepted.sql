-- How much is left to apply.
-- In:  unit, result (key, attribute or null for the whole person).
-- Out: one number: changes and deletions that are not left out.
SELECT count(*)
FROM unit
WHERE (attribute <> '' OR decision = 'delete')
    AND key NOT IN (SELECT key FROM result WHERE attribute IS NULL)
    AND (key, attribute) NOT IN (SELECT (key, attribute) FROM result WHERE attribute IS NOT NULL);
