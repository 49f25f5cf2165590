-- What an attribute (a SCIM path) is called in a sentence: the same as trueup.transforms.values.labels.label.
-- In:  :names, :kinds: maps of small-letter names to words.
-- Out: word(attribute).
CREATE OR REPLACE MACRO word(attribute) AS CASE
    WHEN regexp_matches(attribute, '^\w+\[type eq "[^"]*"\]\.\w+$')
        THEN regexp_extract(attribute, '"([^"]*)"', 1) || ' '
            || coalesce(:kinds[regexp_extract(attribute, '^(\w+)', 1)], regexp_extract(attribute, '^(\w+)', 1))
            || CASE
                WHEN regexp_extract(attribute, '\.(\w+)$', 1) = 'value' THEN ''
                ELSE ': ' || coalesce(
                    :names[lower(regexp_extract(attribute, '\.(\w+)$', 1))], regexp_extract(attribute, '\.(\w+)$', 1)
                )
            END
    ELSE coalesce(:names[lower(split_part(attribute, ':', -1))], split_part(attribute, ':', -1))
END;
