-- Paths of which this target altered the case of a value, and nothing else of it.
-- in:  outcomes(age, key, written, found)
-- out: attribute
WITH values_read AS (
    SELECT w.attribute, w.value AS written, f.value AS found, f.class
    FROM (SELECT unnest(written) AS w, found FROM outcomes WHERE result = 'applied') AS o,
         unnest(o.found) AS u(f)
    WHERE f.attribute = w.attribute
)
SELECT DISTINCT attribute
FROM values_read
WHERE class = 'normalised' AND written <> found AND lower(written) = lower(found)
