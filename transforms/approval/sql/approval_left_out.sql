-- Everything left out: what the selectors leave out and, as far as it reaches, what depends on it.
-- In:  direct (key, attribute, because, unselected), edge.
-- Out: result (key, attribute or null for the whole person, because, unselected): one row per key and attribute, the
--      selectors' reason before a dependency's; a person left out as a whole has only that row. What goes with an
--      unselected attribute of the same person counts as unselected too.
CREATE TABLE result AS
WITH RECURSIVE reached AS (
    SELECT DISTINCT key, attribute FROM direct
    UNION
    SELECT edge.key, edge.attribute
    FROM reached
    JOIN edge ON edge.from_key = reached.key AND edge.from_attribute = reached.attribute
),

reasons AS (
    SELECT key, attribute, because, unselected, IF(unselected, 1, 0) AS place FROM direct
    UNION ALL
    SELECT edge.key, edge.attribute, edge.because, coalesce(direct.unselected AND edge.key = edge.from_key, false), 2
    FROM reached
    JOIN edge ON edge.from_key = reached.key AND edge.from_attribute = reached.attribute
    LEFT JOIN direct ON direct.key = reached.key AND direct.attribute = reached.attribute
),

first_reason AS (
    SELECT *
    FROM reasons
    QUALIFY row_number() OVER (PARTITION BY key, attribute ORDER BY place, because) = 1
),

whole AS (
    SELECT key FROM first_reason WHERE attribute = ''
)

SELECT key, nullif(attribute, '') AS attribute, because, unselected
FROM first_reason
WHERE attribute = '' OR key NOT IN (FROM whole)
ORDER BY key, attribute;
