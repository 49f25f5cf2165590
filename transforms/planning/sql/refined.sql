-- Each difference that the person's left_alone does not name, with the word for why it is left alone all the same, or
-- null where it becomes a change.
-- in:  candidates(key, left_alone, attribute, before, after, course), terms, holders(key), restored, suppressed, provided,
--      and the macro means_same(json text, json text)
-- out: key, attribute, before, after, course, barred
SELECT
    c.key, c.attribute, c.before, c.after, c.course,
    CASE
        WHEN t.kind = 'reference' AND c.after IS NOT NULL AND h.key IS NULL THEN 'manager_without_profile'
        WHEN r.key IS NOT NULL AND (r.bad IS NOT DISTINCT FROM c.after OR (c.attribute = 'active' AND r.bad IS NULL))
            THEN 'rolled_back'
        WHEN s.key IS NOT NULL THEN 'not_kept'
        WHEN c.after IS NULL AND t.when_empty = 'clear_removed' AND p.key IS NULL THEN 'never_provided'
        WHEN c.after IS NULL AND t.required THEN 'required_missing'
    END AS barred
FROM candidates c
LEFT JOIN terms t ON t.attribute = c.attribute
LEFT JOIN holders h ON t.kind = 'reference' AND to_json(h.key)::VARCHAR = c.after
LEFT JOIN (SELECT DISTINCT ON (key, attribute) * FROM restored) AS r
    ON c.course = 'compare' AND r.key = c.key AND r.attribute = c.attribute
LEFT JOIN suppressed s
    ON c.course = 'compare' AND s.key = c.key AND s.attribute = c.attribute
    AND means_same(s.written, c.after) AND means_same(s.found, c.before)
LEFT JOIN provided p ON p.key = c.key AND p.attribute = c.attribute
WHERE NOT list_contains(c.left_alone, c.attribute)
