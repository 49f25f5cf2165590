-- In:  events (everybody's, listed or not)
-- Out: event, people: what happened to how many
SELECT each.event, count(*) AS people
FROM (SELECT unnest(events) AS event FROM events) AS each
GROUP BY each.event
ORDER BY people DESC, each.event
