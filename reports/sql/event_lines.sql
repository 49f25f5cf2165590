-- In:  events, shown, people
-- Out: event, before, after, people, place: what happened to how many; moves between departments one by one
WITH counted AS (
    SELECT each.event, count(*) AS people
    FROM (SELECT unnest(events) AS event FROM people) AS each
    GROUP BY each.event
),
moves AS (
    SELECT s.before_shown AS before, s.after_shown AS after, count(*) AS people
    FROM shown AS s
    JOIN people AS p ON p.person = s.person AND p.decision = 'update'
    JOIN event_of AS o ON o.attribute = s.attribute AND o.event = 'moved'
    WHERE s.before IS NOT NULL AND s.after IS NOT NULL
    GROUP BY ALL
)
SELECT event, NULL AS before, NULL AS after, people FROM counted
UNION ALL
SELECT 'move', before, after, people FROM moves
ORDER BY people DESC, event, before, after
