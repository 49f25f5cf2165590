-- What each selector means.
-- In:  said (selection, place, role, word), decision_word (word), path (word), changes (attribute),
--      called (key, name in lower case), decisions (key, decision), writing (decision).
-- Out: selector (selection, place, role, kind, word, people): kind 'decision', 'attribute', 'key' or 'change' (one
--      attribute of one person, KEY/ATTRIBUTE), and the word as the plan has it. Kind is null for a selector that fits
--      nobody (no people) or several people (their keys). Where several are called so, the only one who is written is
--      meant.
CREATE TABLE selector AS
WITH attributes AS (
    SELECT word AS attribute
    FROM path
    UNION
    SELECT attribute
    FROM changes
),

words AS (
    SELECT word
    FROM said
    WHERE word NOT IN (FROM decision_word) AND word NOT IN (FROM attributes)
),

sought AS (
    SELECT word, lower(word) AS name, NULL AS attribute
    FROM words
    UNION ALL
    SELECT words.word, lower(left(words.word, -1 - len(attributes.attribute))), attributes.attribute
    FROM words
    JOIN attributes ON ends_with(words.word, '/' || attributes.attribute)
),

fitting AS (
    SELECT
        sought.word,
        sought.attribute,
        list(DISTINCT decisions.key ORDER BY decisions.key) AS every,
        list(DISTINCT decisions.key ORDER BY decisions.key)
            FILTER (WHERE decisions.decision IN (FROM writing)) AS written
    FROM sought
    JOIN called ON called.name = sought.name
    JOIN decisions ON decisions.key = called.key
    GROUP BY sought.word, sought.attribute
),

person AS (
    SELECT word, attribute, IF(len(every) > 1 AND len(written) = 1, written, every) AS people
    FROM fitting
    QUALIFY row_number() OVER (PARTITION BY word ORDER BY attribute NULLS FIRST) = 1
),

understood AS (
    SELECT
        said.*,
        person.attribute,
        coalesce(person.people, []) AS people,
        CASE
            WHEN said.word IN (FROM decision_word) THEN 'decision'
            WHEN said.word IN (FROM attributes) THEN 'attribute'
            WHEN len(person.people) = 1 THEN IF(person.attribute IS NULL, 'key', 'change')
        END AS kind
    FROM said
    LEFT JOIN person ON person.word = said.word
)

SELECT
    selection,
    place,
    role,
    kind,
    CASE kind WHEN 'key' THEN people[1] WHEN 'change' THEN people[1] || '/' || attribute ELSE word END AS word,
    people
FROM understood;
