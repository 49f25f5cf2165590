-- What a run promised for each attribute it was to write, beside what was found right after writing.
-- relations in: changes, outcome (outcome.parquet), left_out (key, attribute; null: the whole person)
-- rows out:     key, profile_id, operation, result, attribute, expected, found_then, class_then; values are JSON text,
--               references are keys. A delete has one row with a null attribute;
--               somebody who was not created has an empty profile_id.
WITH touched AS (
  SELECT key, coalesce(profile_id, '') AS profile_id, operation, result, found
  FROM outcome
  WHERE result <> 'left_out' AND operation <> 'restore'
),
read_back AS (
  SELECT key, unnest(found, recursive := true)
  FROM touched
),
promised AS (
  SELECT key, attribute, after
  FROM changes
  WHERE NOT EXISTS (
    SELECT 1 FROM left_out WHERE left_out.key = changes.key AND left_out.attribute = changes.attribute
  )
)
SELECT
  touched.key, touched.profile_id, touched.operation, touched.result, changes.attribute, changes.after AS expected,
  read_back.value AS found_then, read_back.class AS class_then
FROM touched
LEFT JOIN promised AS changes ON changes.key = touched.key AND touched.operation <> 'delete'
LEFT JOIN read_back ON read_back.key = touched.key AND read_back.attribute = changes.attribute
WHERE touched.operation = 'delete' OR changes.attribute IS NOT NULL
