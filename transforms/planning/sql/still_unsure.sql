-- Keep asking further back unless the run looked at had to tell by itself: the target had a value, the source none.
-- in:  unsure(key, attribute), provided, actual_then(key, attribute, value), wide_then(key, left_alone),
--      decisions_then (of that run)
-- out: rows taken from unsure
DELETE FROM unsure u
WHERE EXISTS (SELECT 1 FROM provided p WHERE p.key = u.key AND p.attribute = u.attribute)
OR (
    EXISTS (
        SELECT 1 FROM decisions_then d
        WHERE d.key = u.key
        AND d.decision IN ('update', 'unchanged')
        AND d.reason_code IN ('same', 'differs', 'adopted', 'not_kept')
    )
    AND EXISTS (
        SELECT 1 FROM actual_then a
        WHERE a.key = u.key AND a.attribute = u.attribute AND a.value IS NOT NULL
    )
    AND EXISTS (
        SELECT 1 FROM wide_then w
        WHERE w.key = u.key AND NOT list_contains(w.left_alone, u.attribute)
    )
)
