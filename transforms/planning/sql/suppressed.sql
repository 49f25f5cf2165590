-- What the target made of values written to it, where that was not what was written; the newest writing counts.
-- A failed person's list has only what was sent or refused; what is in doubt there has another class. What was there
-- before and was not written counts as well, where the target spelt it otherwise when something else was written.
-- A value put back (operation restore) is another's word: the person's own row, which tells of it too, comes first.
-- in:  outcomes(age, key, operation, result, before and written STRUCT(attribute, value)[], found STRUCT(attribute, value, class)[])
-- out: key, attribute, written, found (JSON text; null: dropped)
WITH written_values AS (
    SELECT age, key, operation, w.attribute, w.value AS written
    FROM (SELECT age, key, operation, unnest(written) AS w FROM outcomes WHERE result IN ('applied', 'failed'))
    UNION ALL
    SELECT age, key, operation, b.attribute, b.value
    FROM (SELECT age, key, operation, written, unnest(before) AS b FROM outcomes WHERE result IN ('applied', 'failed'))
    WHERE NOT list_contains(list_transform(written, lambda w: w.attribute), b.attribute)
),
found_values AS (
    SELECT age, key, operation, f.attribute, f.value AS found, f.class
    FROM (SELECT age, key, operation, unnest(found) AS f FROM outcomes WHERE result IN ('applied', 'failed'))
),
newest AS (
    SELECT w.key, w.attribute, w.written, f.found, f.class
    FROM written_values w
    JOIN found_values f USING (age, key, operation, attribute)
    QUALIFY row_number() OVER (PARTITION BY w.key, w.attribute ORDER BY w.age, w.operation = 'restore') = 1
)
SELECT key, attribute, written, found
FROM newest
WHERE class IN ('not_kept', 'normalised')
