-- In:  changes, people, named (key, name: how a person is called where somebody refers to them)
-- Out: shown: one row per change of a listed person; text decoded from JSON (null stays null), and the same with
--      references named; grp counts groups of identical changes from 0, -1 where a change stands alone
CREATE OR REPLACE TEMP TABLE shown AS
WITH decoded AS (
    SELECT
        p.person,
        p.decision,
        c.*,
        CASE WHEN starts_with(c.before, '"') THEN coalesce(try(c.before ->> '$'), c.before) ELSE c.before END AS before_text,
        CASE WHEN starts_with(c.after, '"') THEN coalesce(try(c.after ->> '$'), c.after) ELSE c.after END AS after_text,
        regexp_matches(c.attribute, '(?i)(^|[:.])manager(\.value)?$') AS is_reference
    FROM changes AS c
    JOIN people AS p ON p.key = c.key
),
grouped AS (
    SELECT
        attribute,
        before,
        after,
        (row_number() OVER (ORDER BY count(*) DESC, attribute, before NULLS FIRST, after NULLS FIRST) - 1)::INTEGER
            AS grp
    FROM decoded
    WHERE decision <> 'create' AND attribute <> 'active'
    GROUP BY attribute, before, after
    HAVING count(*) >= 2
)
SELECT
    d.person,
    d.key,
    d.attribute,
    d.before,
    d.after,
    d.before_text,
    d.after_text,
    coalesce(old_one.name, d.before_text) AS before_shown,
    coalesce(new_one.name, d.after_text) AS after_shown,
    d.cause,
    coalesce(g.grp, -1) AS grp
FROM decoded AS d
LEFT JOIN grouped AS g
    ON d.decision <> 'create' AND g.attribute = d.attribute
    AND g.before IS NOT DISTINCT FROM d.before AND g.after IS NOT DISTINCT FROM d.after
LEFT JOIN named AS old_one ON d.is_reference AND old_one.key = d.before_text
LEFT JOIN named AS new_one ON d.is_reference AND new_one.key = d.after_text
ORDER BY d.person, d.attribute
