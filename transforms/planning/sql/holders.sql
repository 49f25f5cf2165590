-- People who have a profile once this plan is applied: only they can be referred to.
-- in:  courses, held_back
-- out: key
SELECT c.key
FROM courses c
LEFT JOIN held_back h ON h.key = c.key
WHERE (c.profile_id IS NOT NULL AND (c.course <> 'delete' OR h.key IS NOT NULL))
OR (c.course = 'create' AND h.key IS NULL)
