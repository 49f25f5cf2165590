-- In:  grouped, named
-- Out: one row per group of identical changes, largest first, with its values as people read them
SELECT
    g.grp AS number,
    g.attribute,
    coalesce(old_one.name, t.before_text) AS before,
    coalesce(new_one.name, t.after_text) AS after,
    g.causes,
    g.people,
    g.writes
FROM grouped AS g,
LATERAL (SELECT text_of(g.before) AS before_text, text_of(g.after) AS after_text) AS t
LEFT JOIN named AS old_one ON is_reference(g.attribute) AND old_one.key = t.before_text
LEFT JOIN named AS new_one ON is_reference(g.attribute) AND new_one.key = t.after_text
ORDER BY number
