-- What one earlier run decided about people, and the result.
-- In:  chosen (key); $decisions, $outcome: the paths of its files.
-- Out: key, decision, reason, result. Who was not concerned in it is not in it.
SELECT decisions.key, decisions.decision, decisions.reason, any_value(outcome.result) AS result
FROM read_parquet($decisions) AS decisions
SEMI JOIN chosen USING (key)
LEFT JOIN (SELECT * FROM read_parquet($outcome) WHERE operation <> 'restore') AS outcome USING (key)
WHERE decisions.decision NOT IN ('unchanged', 'out_of_scope', 'unmanaged')
GROUP BY ALL
ORDER BY key;
