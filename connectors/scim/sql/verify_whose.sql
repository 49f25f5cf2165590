-- Who profiles are: a person the run was to write, else one of its links, else one of its decisions.
-- relations in: outcome, links, decisions; $1: list of profile ids
-- rows out:     profile_id, key; of profiles that nobody is known to have, none
WITH asked AS (
  SELECT DISTINCT unnest($1::VARCHAR[]) AS profile_id
),
known AS (
  SELECT profile_id, key, 1 AS rank FROM outcome WHERE NOT starts_with(key, 'profile:')
  UNION ALL
  SELECT profile_id, source_id, 2 FROM links
  UNION ALL
  SELECT profile_id, key, 3 FROM decisions
)
SELECT known.profile_id, arg_min(known.key, (known.rank, known.key))
FROM known
SEMI JOIN asked USING (profile_id)
GROUP BY known.profile_id
