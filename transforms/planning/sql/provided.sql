-- Note which clearings an earlier applied run had a value from the source for, or had planned already.
-- in:  unsure(key, attribute), desired_then(key, attribute, value), changes_then
-- out: rows added to provided(key, attribute)
INSERT INTO provided
SELECT u.key, u.attribute
FROM unsure u
WHERE EXISTS (
    SELECT 1 FROM desired_then d
    WHERE d.key = u.key AND d.attribute = u.attribute AND d.value IS NOT NULL
)
OR EXISTS (
    SELECT 1 FROM changes_then c
    WHERE c.key = u.key AND c.attribute = u.attribute AND c.after IS NULL
)
