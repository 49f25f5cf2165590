-- Every change of the plan; a deactivation changes nothing but active.
-- in:  refined, held_back, effects, courses
-- out: key, attribute, before, after
SELECT r.key, r.attribute, r.before, r.after
FROM refined r
ANTI JOIN held_back h ON h.key = r.key
LEFT JOIN effects e ON e.key = r.key
WHERE r.barred IS NULL AND (r.attribute = 'active' OR coalesce(e.turns_off, FALSE) IS FALSE)
UNION ALL
SELECT c.key, 'active', CASE c.active WHEN TRUE THEN 'true' END, 'false'
FROM courses c
ANTI JOIN held_back h ON h.key = c.key
WHERE c.course = 'deactivate'
