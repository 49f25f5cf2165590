-- References to be restored that led to no profile already when the run whose state comes back read the target.
-- in:  restore_values(key, attribute, wanted), terms(attribute, kind), target_then(id), holders(key)
-- out: key (profile: and the id)
WITH referred AS (
    SELECT DISTINCT json_extract_string(w.wanted, '$') AS key
    FROM restore_values w
    JOIN terms t ON t.attribute = w.attribute
    WHERE t.kind = 'reference'
)
SELECT key
FROM referred
WHERE starts_with(key, 'profile:') AND substr(key, 9) NOT IN (SELECT id FROM target_then)
AND key NOT IN (SELECT key FROM holders)
