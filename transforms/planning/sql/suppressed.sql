-- What the target made of values written to it, where that was not what was written; the newest writing counts.
-- A failed person's list has only what was sent or refused; what is in doubt there has another class.
-- in:  outcomes(age, key, result, written STRUCT(attribute, value)[], found STRUCT(attribute, value, class)[])
-- out: key, attribute, written, found (JSON text; null: dropped)
WITH written_values AS (
    SELECT age, key, w.attribute, w.value AS written
    FROM (SELECT age, key, unnest(written) AS w FROM outcomes WHERE result IN ('applied', 'failed'))
),
found_values AS (
    SELECT age, key, f.attribute, f.value AS found, f.class
    FROM (SELECT age, key, unnest(found) AS f FROM outcomes WHERE result IN ('applied', 'failed'))
),
newest AS (
    SELECT w.key, w.attribute, w.written, f.found, f.class
    FROM written_values w
    JOIN found_values f USING (age, key, attribute)
    QUALIFY row_number() OVER (PARTITION BY w.key, w.attribute ORDER BY w.age) = 1
)
SELECT key, attribute, written, found
FROM newest
WHERE class IN ('not_kept', 'normalised')
