-- In:  changes, people, grouped, named (key, name: how a person is called where somebody refers to them)
-- Out: shown: one row per change of a listed person; text decoded from JSON (null stays null), and the same with
--      references named; grp is the number of the group of identical changes, -1 where a change stands alone
CREATE OR REPLACE TEMP TABLE shown AS
WITH decoded AS (
    SELECT
        p.person,
        p.decision,
        c.*,
        text_of(c.before) AS before_text,
        text_of(c.after) AS after_text
    FROM changes AS c
    JOIN people AS p ON p.key = c.key
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
LEFT JOIN named AS old_one ON is_reference(d.attribute) AND old_one.key = d.before_text
LEFT JOIN named AS new_one ON is_reference(d.attribute) AND new_one.key = d.after_text
ORDER BY d.person, d.attribute
