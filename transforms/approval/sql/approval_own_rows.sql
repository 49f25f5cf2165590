-- An approver's own rows among those that would be written.
-- in:  the run's decisions ($decisions, a file); $subject, $login (empty: not known), $writing
-- out: key
SELECT key
FROM read_parquet($decisions)
WHERE decision IN (SELECT unnest($writing))
  AND (
    lower(key) = lower($subject)
    OR lower(source_id) = lower($subject)
    OR ($login <> '' AND lower(user_name) = lower($login))
  )
ORDER BY key
