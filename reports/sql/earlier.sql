-- What one earlier run that was never applied decided about people.
-- In:  chosen (key); $decisions, the path of its decisions.
-- Out: key, decision, reason, result (null). Who was not concerned in it is not in it.
SELECT key, decision, reason, NULL AS result
FROM read_parquet($decisions)
SEMI JOIN chosen USING (key)
WHERE decision NOT IN ('unchanged', 'out_of_scope', 'unmanaged')
ORDER BY key;
