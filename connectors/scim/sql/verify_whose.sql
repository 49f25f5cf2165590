-- Who profiles are: a person the run was to write, else one of its links, else one of its decisions.
-- relations in: outcome, links, decisions; $1: list of profile ids
-- rows out:     profile_id, key (whose it is since the apply), key_then (whose it was when the run was planned); of
--               profiles that nobody is known to have, none. The two differ where a profile got another id.
WITH asked AS (
  SELECT DISTINCT unnest($1::VARCHAR[]) AS profile_id
),
written AS (
  SELECT outcome.key, outcome.profile_id, decisions.profile_id AS before
  FROM outcome
  LEFT JOIN decisions ON decisions.key = outcome.key
  WHERE NOT starts_with(outcome.key, 'profile:') AND outcome.operation <> 'restore'
),
renamed AS (
  SELECT key FROM written WHERE profile_id <> before
),
known AS (
  SELECT profile_id, key, 1 AS rank, true AS is_now, key NOT IN (FROM renamed) AS was_then FROM written
  UNION ALL
  SELECT profile_id, source_id, 2, source_id NOT IN (FROM renamed), true FROM links
  UNION ALL
  SELECT profile_id, key, 3, key NOT IN (FROM renamed), true FROM decisions
)
SELECT
  known.profile_id,
  arg_min(known.key, (known.rank, known.key)) FILTER (known.is_now) AS key,
  arg_min(known.key, (known.rank, known.key)) FILTER (known.was_then) AS key_then
FROM known
SEMI JOIN asked USING (profile_id)
GROUP BY known.profile_id
