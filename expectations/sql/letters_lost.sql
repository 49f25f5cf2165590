-- in:  looked_at (rows of people), mapped (id and every text the mapping reads), known_before (the same of when they were last taken over as they
--      stood, is_older: not the night before), $now and $then (those columns as pairs, generated), $now_together,
--      $then_together
-- out: key, attribute, value, before, is_older: texts that lost letters beyond ASCII, or got a question mark in the place of
--      another such character, and are otherwise what they were
WITH changed AS (
    SELECT looked_at.key, known_before.is_older, [$now] AS texts, [$then] AS texts_before
    FROM looked_at
    INNER JOIN mapped ON mapped.id = looked_at.key
    INNER JOIN known_before ON known_before.id = looked_at.key
    WHERE
        regexp_matches(concat_ws(chr(10), $then_together), '[^\x00-\x7F]')
        AND concat_ws(chr(10), $now_together) IS DISTINCT FROM concat_ws(chr(10), $then_together)
),

told AS (
    SELECT key, is_older, unnest(list_zip(texts, texts_before)) AS pair
    FROM changed
),

compared AS (
    SELECT key, is_older, pair[1].attribute AS attribute, pair[1].text AS value, pair[2].text AS before
    FROM told
    WHERE pair[1].text IS DISTINCT FROM pair[2].text AND pair[1].text <> ''
),

measured AS (
    SELECT
        *,
        regexp_replace(value, '[^A-Za-z0-9]+', '', 'g') AS kept,
        regexp_replace(before, '[^A-Za-z0-9]+', '', 'g') AS kept_before,
        length(regexp_replace(value, '[\x00-\x7F]+|[^\pL\pM]+', '', 'g')) AS letters,
        length(regexp_replace(before, '[\x00-\x7F]+|[^\pL\pM]+', '', 'g')) AS letters_before,
        length(regexp_replace(value, '[\x00-\x7F]+', '', 'g')) AS signs,
        length(regexp_replace(before, '[\x00-\x7F]+', '', 'g')) AS signs_before,
        length(regexp_replace(value, '[^?]+', '', 'g')) AS marks,
        length(regexp_replace(before, '[^?]+', '', 'g')) AS marks_before,
        length(regexp_replace(value, '[^\s\pZ]+', '', 'g')) AS spaces,
        length(regexp_replace(before, '[^\s\pZ]+', '', 'g')) AS spaces_before
    FROM compared
    WHERE regexp_matches(before, '[^\x00-\x7F]')
),

alike AS (
    SELECT * FROM measured WHERE kept = kept_before AND (kept <> '' OR regexp_full_match(value, '[\s\pZ]+|[?_\s]{2,}'))
)

SELECT key, attribute, value, before, is_older
FROM alike
WHERE
    -- A word less is somebody's change; letters lost leave the spaces around them. Renée may become Rene.
    (letters < letters_before AND spaces >= spaces_before AND singled(value) <> singled(strip_accents(before)))
    OR (signs < signs_before AND marks > marks_before)
    -- Read as the code page of another script.
    OR (
        regexp_matches(value, '[A-Za-z][\p{Cyrillic}\p{Greek}]|[\p{Cyrillic}\p{Greek}][A-Za-z]')
        AND NOT regexp_matches(before, '[\p{Cyrillic}\p{Greek}]')
    )
