-- What the runs that are taken back wrote: the value before the first of them, and the value the last one left.
-- in:  outcomes(age, key, operation, before, written, found) (age 0 for the newest), created_then(key), removed(key)
-- out: key, attribute, wanted, left_value (JSON text)
WITH writes AS (
    SELECT age, key, w.attribute, w.value AS written, before, found
    FROM (
        SELECT age, key, unnest(written) AS w, before, found
        FROM outcomes
        WHERE operation IN ('update', 'reactivate', 'deactivate')
    )
),
values_around AS (
    SELECT
        age, key, attribute,
        list_filter(before, lambda b: b.attribute = attribute)[1].value AS wanted,
        CASE
            WHEN len(list_filter(found, lambda f: f.attribute = attribute)) > 0
                THEN list_filter(found, lambda f: f.attribute = attribute)[1].value
            ELSE written
        END AS left_value
    FROM writes
)
SELECT
    key, attribute,
    arg_max({'v': wanted}, age).v AS wanted,
    arg_min({'v': left_value}, age).v AS left_value
FROM values_around
WHERE key NOT IN (SELECT key FROM created_then) AND key NOT IN (SELECT key FROM removed)
GROUP BY key, attribute
