-- What an apply left behind that is not what it wrote: nobody edited what still reads so.
-- in:  applied_then(key, operation, result, found STRUCT(attribute, value, class)[])
-- out: key, attribute, value (JSON text; null: nothing), each pair once; what was put back last counts
SELECT key, f.attribute, f.value
FROM (SELECT key, operation, unnest(found) AS f FROM applied_then)
WHERE f.class <> 'kept'
QUALIFY row_number() OVER (PARTITION BY key, f.attribute ORDER BY operation = 'restore' DESC) = 1
