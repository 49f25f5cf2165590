-- People whose deleted profile is created again.
-- in:  persons(key, profile_id), returning_values(key), asked(key), and the flags $some_people, $some_attributes
-- out: key
SELECT DISTINCT p.key
FROM persons p
SEMI JOIN returning_values v ON v.key = p.key
WHERE p.profile_id IS NULL AND NOT $some_attributes AND (NOT $some_people OR p.key IN (SELECT key FROM asked))
