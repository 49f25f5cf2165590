-- What apply has to do, one row per person.
-- relations in: decisions (decisions.parquet), changes (changes.parquet), left_out (key, attribute or null),
--               paths (attribute, is_reference, is_unique)
-- rows out:     key, operation, profile_id, user_name, changes, refs; lists of struct(attribute, before, after), by
--               attribute. People left out wholly, or with nothing left to write, are not here.
WITH wanted AS (
  SELECT key, decision AS operation, profile_id, user_name
  FROM decisions
  WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
    AND NOT EXISTS (SELECT 1 FROM left_out WHERE left_out.key = decisions.key AND left_out.attribute IS NULL)
),
kept AS (
  SELECT changes.key, changes.attribute, changes.before, changes.after, paths.is_reference
  FROM changes
  JOIN paths ON paths.attribute = changes.attribute
  WHERE NOT EXISTS (
    SELECT 1 FROM left_out WHERE left_out.key = changes.key AND left_out.attribute = changes.attribute
  )
),
gathered AS (
  SELECT
    key,
    list({'attribute': attribute, 'before': before, 'after': after} ORDER BY attribute)
      FILTER (WHERE NOT is_reference) AS changes,
    list({'attribute': attribute, 'before': before, 'after': after} ORDER BY attribute)
      FILTER (WHERE is_reference) AS refs
  FROM kept
  GROUP BY key
)
SELECT wanted.key, wanted.operation, wanted.profile_id, wanted.user_name, gathered.changes, gathered.refs
FROM wanted
LEFT JOIN gathered ON gathered.key = wanted.key
WHERE wanted.operation = 'delete' OR gathered.key IS NOT NULL
