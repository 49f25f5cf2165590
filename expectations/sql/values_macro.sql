-- in:  function nfkc(text): Unicode's compatible form
-- out: macro fold_value(text): equal for values that differ only by case, Unicode form or space around; null for blank
CREATE OR REPLACE MACRO fold_value(t) AS
    nullif(
        CASE
            WHEN regexp_matches(t, '[^\x20-\x7E]')
                THEN trim(regexp_replace(
                    replace(replace(lower(nfkc(lower(nfkc(t)))), 'ß', 'ss'), 'ς', 'σ'),
                    '[\p{Cc}\p{Cf}\x{0307}]|^[\s\p{Z}]+|[\s\p{Z}]+$',
                    '',
                    'g'
                ))
            ELSE trim(lower(t))
        END,
        ''
    );
