-- Keep asking further back only about people the run looked at decided nothing about.
-- in:  unsure(key, attribute), provided, decisions_then
-- out: rows taken from unsure
DELETE FROM unsure u
WHERE EXISTS (SELECT 1 FROM provided p WHERE p.key = u.key AND p.attribute = u.attribute)
OR EXISTS (
    SELECT 1 FROM decisions_then d
    WHERE d.key = u.key
    AND d.decision IN ('update', 'unchanged', 'create')
    AND d.reason_code IN ('same', 'differs', 'adopted', 'not_kept', 'no_profile')
)
