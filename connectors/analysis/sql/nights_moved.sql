-- In: figures. Out: department before, department after, people: who was moved between departments, over all runs.
SELECT word, detail, sum(people)::BIGINT AS people
FROM figures
WHERE measure = 'moved'
GROUP BY ALL
ORDER BY people DESC, word, detail
LIMIT 20
