-- in:  accounts, thing_words
-- out: thing_names: first and last names in use that consist of nothing but words for things
CREATE OR REPLACE TEMP TABLE thing_names AS
WITH parts AS (
    SELECT given AS part FROM accounts WHERE given <> ''
    UNION
    SELECT family FROM accounts WHERE family <> ''
),

spoken AS (
    SELECT part, unnest(CASE WHEN words_of(part) = [] THEN [''] ELSE words_of(part) END) AS word
    FROM parts
)

SELECT spoken.part
FROM spoken
LEFT JOIN thing_words ON thing_words.word = spoken.word AND thing_words.token > 0
GROUP BY spoken.part
HAVING bool_and(thing_words.word IS NOT NULL OR (spoken.word = '' AND NOT regexp_matches(spoken.part, '\p{L}')))
