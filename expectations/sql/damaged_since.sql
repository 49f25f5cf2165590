-- in:  damaged, mapped_before (the night before), $pairs (its columns, generated), $certain pattern
-- out: key, check, attribute, value, before: less what may be meant (“Who?”) and stood there the night before too
WITH compared AS (
    SELECT
        damaged.*,
        list_filter([$pairs], lambda one: one.attribute = damaged.attribute)[1].text AS before
    FROM damaged
    LEFT JOIN mapped_before ON mapped_before.id = damaged.key
)

SELECT *
FROM compared
WHERE "check" <> 'broken_encoding' OR before IS DISTINCT FROM value OR regexp_matches(value, $certain)
