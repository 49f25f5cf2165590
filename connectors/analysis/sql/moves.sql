-- One row per night, person and attribute that was to change.
-- In:  whole_nights, changes, outcome, names (key, display_name), acts_by; macro word.
-- Out: night, key, display_name (as the newest run that knows it), attribute, before, after, cause, applied, approved_by.
CREATE OR REPLACE VIEW moves AS
WITH written AS (
    SELECT run_id, key, list_transform(written, lambda one: one.attribute) AS attributes, operation
    FROM outcome
    WHERE result = 'applied' AND operation <> 'restore'
)

SELECT
    n.night,
    c.key,
    s.display_name,
    word(c.attribute) AS attribute,
    c.before::JSON ->> '$' AS before,
    c.after::JSON ->> '$' AS after,
    c.cause,
    w.key IS NOT NULL AND list_contains(w.attributes, c.attribute) AS applied,
    b.approved_by
FROM changes AS c
JOIN whole_nights AS n ON n.run_id = c.run_id
LEFT JOIN written AS w ON w.run_id = c.run_id AND w.key = c.key
LEFT JOIN names AS s ON s.key = c.key
LEFT JOIN acts_by AS b ON b.run_id = c.run_id;
