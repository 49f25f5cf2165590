-- In:  people (key, name, person), news (key); parameter room
-- Out: one row: how many people are new to the plan, and the first of those listed (key, name)
SELECT
    (SELECT count(*) FROM news) AS people,
    (
        SELECT arg_min({'key': p.key, 'name': p.name}, p.person, $room)
        FROM people AS p
        SEMI JOIN news AS n ON n.key = p.key
    ) AS persons
