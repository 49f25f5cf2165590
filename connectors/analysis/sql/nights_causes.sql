-- In: figures, whole_nights. Out: night, cause, changes: what each night's plan was to change, by cause.
SELECT n.night, f.detail AS cause, sum(f.people)::BIGINT AS changes
FROM figures AS f
JOIN whole_nights AS n ON n.run_id = f.run_id
WHERE f.measure = 'change' AND f.number = 0
GROUP BY ALL
ORDER BY ALL
