-- in:  looked_at (rows of people), mapped (id and every text the mapping reads), $together and $pairs (those columns, generated),
--      $mark (must be found where $any is, and is found faster), $any, $type, $spreadsheet patterns
-- out: damaged (key, check, attribute, value): texts that no person wrote, and texts that lost letters
CREATE OR REPLACE TEMP TABLE damaged AS
WITH suspects AS (
    SELECT looked_at.key, [$pairs] AS texts
    FROM looked_at
    INNER JOIN mapped ON mapped.id = looked_at.key
    WHERE
        CASE
            WHEN regexp_matches(concat_ws(chr(10), $together), $mark)
                THEN regexp_matches(concat_ws(chr(10), $together), $any)
            ELSE FALSE
        END
),

told AS (
    SELECT key, unnest(texts) AS one
    FROM suspects
)

SELECT
    key,
    CASE
        WHEN regexp_matches(one.text, $type) THEN 'type_name'
        WHEN regexp_matches(one.text, $spreadsheet) THEN 'spreadsheet_damage'
        ELSE 'broken_encoding'
    END AS "check",
    one.attribute AS attribute,
    one.text AS value
FROM told
-- The question mark of an address on the web stands for nothing that was lost.
WHERE regexp_matches(CASE WHEN contains(one.text, '://') THEN replace(one.text, '?', '') ELSE one.text END, $any)
