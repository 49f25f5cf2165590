-- In:  parameter paths (summaries of runs)
-- Out: path, measure, word, detail, people of what is compared over the nights
SELECT filename AS path, measure, word, detail, people
FROM read_parquet($paths, filename = TRUE)
WHERE measure IN ('story', 'headcount', 'hold')
ORDER BY ALL
