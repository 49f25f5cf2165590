-- What cannot be done once something else is not done.
-- In:  unit, needed (attribute: no creation without it), unique_path (attribute), held_value (key, attribute, value).
-- Out: edge (from_key, from_attribute, key, attribute, because): when the first is left out, so is the second.
--      '' stands for the person as a whole; a person who gives a value up as a whole gives up each of its attributes.
CREATE TABLE edge AS
WITH freed AS (
    SELECT key, attribute, attribute AS path, before AS value
    FROM unit
    WHERE attribute IN (FROM unique_path) AND before IS NOT NULL AND before IS DISTINCT FROM after
    UNION ALL
    SELECT key, '', attribute, value
    FROM held_value
    WHERE key IN (SELECT key FROM unit WHERE decision = 'delete')
),

taken AS (
    SELECT key, attribute, after AS value
    FROM unit
    WHERE attribute IN (FROM unique_path) AND after IS NOT NULL AND before IS DISTINCT FROM after
),

still_held AS (
    SELECT
        freed.key AS from_key,
        freed.attribute AS from_attribute,
        taken.key,
        taken.attribute,
        'its ' || taken.attribute || ' is still held by ' || freed.key AS because
    FROM taken
    JOIN freed
        ON lower(freed.value) = lower(taken.value)
        AND freed.key <> taken.key
        AND freed.path = taken.attribute
)

SELECT * FROM still_held
UNION
SELECT from_key, '', key, attribute, because FROM still_held
UNION
SELECT key, attribute, key, '', 'no profile is created without ' || attribute
FROM unit
WHERE decision = 'create' AND attribute IN (FROM needed)
UNION
SELECT created.key, '', referring.key, referring.attribute, created.key || ' is not created'
FROM unit AS created
JOIN unit AS referring ON referring.after = created.key AND referring.key <> created.key
WHERE created.decision = 'create' AND created.attribute = '';
