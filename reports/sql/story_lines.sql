-- In:  placed, names (key, name), events (key, event); parameter room (names told per story)
-- Out: one row per story and place, in the order in which a night is told: story, people (of the story), place_from,
--      place_to, under (the new manager's name), what (in words), persons (key, name: the first of them), here (people of the row)
WITH told AS (
    SELECT
        p.story,
        {'key': p.key, 'name': coalesce(n.name, p.key)} AS person,
        lower(coalesce(n.name, p.key)) || chr(0) || p.key AS place,
        CASE WHEN p.story IN ('left', 'ended', 'deleted', 'moved') THEN p.department_before END AS place_from,
        CASE WHEN p.story IN ('joined', 'returned', 'moved') THEN p.department_after END AS place_to,
        CASE WHEN p.story = 'moved' AND p.has_manager THEN m.name END AS under,
        CASE WHEN p.story = 'other' THEN e.event END AS what,
        count(*) OVER (PARTITION BY p.story) AS people
    FROM placed AS p
    LEFT JOIN names AS n ON n.key = p.key
    LEFT JOIN events AS e ON e.key = p.key
    LEFT JOIN names AS m ON m.key = p.manager_after
),
placed_together AS (
    SELECT
        story,
        any_value(people) AS people,
        place_from,
        place_to,
        under,
        what,
        arg_min(person, place, $room) AS persons,
        count(*) AS here
    FROM told
    GROUP BY story, place_from, place_to, under, what
)
SELECT *
FROM placed_together
ORDER BY
    list_position(['deleted', 'left', 'ended', 'taken_back', 'joined', 'returned', 'moved', 'adopted', 'other'], story),
    here DESC,
    coalesce(place_from, place_to, what) NULLS LAST,
    place_to,
    under
LIMIT 500
