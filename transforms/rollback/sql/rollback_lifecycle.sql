-- How the life of each profile began and ended in the runs that are taken back.
-- in:  outcomes(age, key, operation, result, written)
-- out: key, first_op, last_op, removed_age (of the oldest delete)
SELECT
    key,
    arg_max(operation, age) AS first_op,
    arg_min(operation, age) AS last_op,
    max(age) FILTER (WHERE operation = 'delete') AS removed_age
FROM outcomes
WHERE operation IN ('create', 'delete') AND result = 'applied'
GROUP BY key
