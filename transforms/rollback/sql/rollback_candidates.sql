-- What is to be taken back and differs now, with the word for what is left alone all the same.
-- in:  restore_values(key, attribute, wanted, left_value, is_ours), values_now(key, attribute, value), persons, terms,
--      holders(key), asked(key), asked_attributes(attribute), and the flags $some_people, $some_attributes,
--      $overwrite and the macro means_same(json text, json text)
-- out: key, attribute, before, after, barred
SELECT
    w.key, w.attribute, n.value AS before, w.wanted AS after,
    CASE
        WHEN $some_people AND w.key NOT IN (SELECT key FROM asked) THEN 'not_selected'
        WHEN $some_attributes AND w.attribute NOT IN (SELECT attribute FROM asked_attributes) THEN 'not_selected'
        WHEN NOT $overwrite AND w.is_ours AND NOT means_same(n.value, w.left_value) THEN 'edited_since'
        WHEN t.kind = 'reference' AND w.wanted IS NOT NULL AND h.key IS NULL THEN 'manager_without_profile'
        WHEN w.wanted IS NULL AND t.required THEN 'required_missing'
    END AS barred
FROM restore_values w
JOIN persons p ON p.key = w.key AND p.profile_id IS NOT NULL AND p.source_id IS NOT NULL
LEFT JOIN values_now n ON n.key = w.key AND n.attribute = w.attribute
JOIN terms t ON t.attribute = w.attribute
LEFT JOIN holders h ON t.kind = 'reference' AND to_json(h.key)::VARCHAR = w.wanted
WHERE NOT means_same(n.value, w.wanted)
