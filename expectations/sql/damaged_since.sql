-- in:  damaged, mapped_before (the night before), decided_before (key, decision of an applied run), $pairs (the columns
--      of mapped_before, generated), $certain pattern
-- out: key, check, attribute, value, before, is_older: less what may be meant (“Who?”) and was taken over as it is already
WITH compared AS (
    SELECT
        damaged.*,
        list_filter([$pairs], lambda one: one.attribute = damaged.attribute)[1].text AS before,
        coalesce(decided_before.decision IN ('create', 'update', 'reactivate', 'unchanged'), FALSE) AS was_taken_over
    FROM damaged
    LEFT JOIN mapped_before ON mapped_before.id = damaged.key
    LEFT JOIN decided_before ON decided_before.key = damaged.key
)

SELECT key, "check", attribute, value, before, FALSE AS is_older
FROM compared
WHERE
    "check" <> 'broken_encoding'
    OR NOT was_taken_over
    OR before IS DISTINCT FROM value
    OR regexp_matches(value, $certain)
