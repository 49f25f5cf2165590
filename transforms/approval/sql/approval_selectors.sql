-- What each selector means.
-- In:  said (selection, place, role, word), decision_word (word), path (word), changes (attribute),
--      called (key, name in lower case), decisions (key, decision), writing (decision).
-- Out: selector (selection, place, role, kind, word, people): kind 'decision', 'attribute' or 'key', and the word as
--      the plan has it. Kind is null for a selector that fits nobody (no people) or several people (their keys).
--      Where several are called so, the only one who is written is meant.
CREATE TABLE selector AS
WITH words AS (
    SELECT DISTINCT word
    FROM said
    WHERE word NOT IN (FROM decision_word)
        AND word NOT IN (FROM path)
        AND word NOT IN (SELECT attribute FROM changes)
),

fitting AS (
    SELECT
        words.word,
        list(DISTINCT decisions.key ORDER BY decisions.key) AS every,
        list(DISTINCT decisions.key ORDER BY decisions.key)
            FILTER (WHERE decisions.decision IN (FROM writing)) AS written
    FROM words
    JOIN called ON called.name = lower(words.word)
    JOIN decisions ON decisions.key = called.key
    GROUP BY words.word
),

person AS (
    SELECT word, IF(len(every) > 1 AND len(written) = 1, written, every) AS people
    FROM fitting
),

understood AS (
    SELECT
        said.*,
        coalesce(person.people, []) AS people,
        CASE
            WHEN said.word IN (FROM decision_word) THEN 'decision'
            WHEN said.word IN (FROM path) OR said.word IN (SELECT attribute FROM changes) THEN 'attribute'
            WHEN len(person.people) = 1 THEN 'key'
        END AS kind
    FROM said
    LEFT JOIN person ON person.word = said.word
)

SELECT selection, place, role, kind, IF(kind = 'key', people[1], word) AS word, people
FROM understood;
