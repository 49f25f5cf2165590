-- In:  placed, here, decisions, names (key, name); parameters room (teams) and names_room (names of each kind)
-- Out: one row per manager whose team changes, the most changed first: manager, before, after (people), the first names
--      of those who come and who go, how many of each, and teams (how many such managers there are in all)
WITH steps AS (
    SELECT key, manager_before AS manager, -1 AS step FROM placed WHERE is_before AND manager_before IS NOT NULL
    UNION ALL
    SELECT key, manager_after, 1 FROM placed WHERE is_after AND manager_after IS NOT NULL
),
changing AS (
    SELECT
        s.manager,
        s.key,
        sum(s.step) AS step,
        any_value({'key': s.key, 'name': coalesce(n.name, s.key)}) AS person,
        any_value(lower(coalesce(n.name, s.key)) || chr(0) || s.key) AS place
    FROM steps AS s
    LEFT JOIN names AS n ON n.key = s.key
    GROUP BY s.manager, s.key
    HAVING sum(s.step) <> 0
),
sums AS (
    SELECT
        c.manager,
        sum(c.step) AS net,
        count(*) AS moves,
        count(*) FILTER (WHERE c.step > 0) AS come,
        count(*) FILTER (WHERE c.step < 0) AS go,
        arg_min(c.person, c.place, $names_room) FILTER (WHERE c.step > 0) AS coming,
        arg_min(c.person, c.place, $names_room) FILTER (WHERE c.step < 0) AS going
    FROM changing AS c
    GROUP BY c.manager
),
first_ones AS (
    SELECT *, count(*) OVER () AS teams
    FROM sums
    ORDER BY moves DESC, manager
    LIMIT $room
),
team_before AS (
    SELECT h.manager_key AS manager, count(*) AS people
    FROM here AS h
    SEMI JOIN first_ones AS f ON f.manager = h.manager_key
    ANTI JOIN (FROM decisions WHERE decision IN ('unmanaged', 'conflict')) AS d ON d.key = h.key
    WHERE coalesce(h.active, TRUE)
    GROUP BY h.manager_key
)
SELECT
    f.manager,
    coalesce(m.name, f.manager) AS name,
    coalesce(t.people, 0) AS before,
    coalesce(t.people, 0) + f.net AS after,
    f.come,
    f.go,
    coalesce(f.coming, []) AS coming,
    coalesce(f.going, []) AS going,
    f.teams
FROM first_ones AS f
LEFT JOIN team_before AS t ON t.manager = f.manager
LEFT JOIN names AS m ON m.key = f.manager
ORDER BY f.moves DESC, name, f.manager
