-- The people a rollback writes.
-- In:  $decisions: the run's decisions.parquet; $name: null, or what one person is called.
-- Out: key, in order.
SELECT key
FROM read_parquet($decisions)
WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
    AND (
        $name IS NULL
        OR lower($name) IN (lower(key), lower(source_id), lower(user_name), lower('profile:' || profile_id))
    )
ORDER BY key;
