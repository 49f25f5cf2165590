-- In:  people (key, name, decision, held_since, person); parameter room
-- Out: of each decision, the people listed, how many of them are new to it, and the first ones (key, name),
--      those held since this run before the others
SELECT
    decision,
    count(*) AS people,
    count(*) FILTER (WHERE held_since IS NULL) AS fresh,
    arg_min({'key': key, 'name': name}, (held_since IS NOT NULL)::INTEGER * 1000000000 + person, $room) AS persons
FROM people
WHERE decision IN ('deactivate', 'delete', 'hold', 'conflict')
GROUP BY decision
