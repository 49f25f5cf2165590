-- Which person must be written before which other because a value others may not share is freed by one and taken by another.
-- relations in: items (work_items.sql as a table), paths (attribute, is_reference, is_unique),
--               held (profile_id, attribute, value): unique values of profiles about to be deleted
-- rows out:     taker, freer, attribute; values compared without case, as most servers do
WITH entries AS (
  SELECT items.key, items.operation, unnest(items.changes, recursive := true)
  FROM items
),
relevant AS (
  SELECT entries.key, entries.operation, entries.attribute,
    lower(entries.before ->> '$') AS before, lower(entries.after ->> '$') AS after
  FROM entries
  JOIN paths ON paths.attribute = entries.attribute AND paths.is_unique
),
takes AS (
  SELECT key, attribute, after AS value
  FROM relevant
  WHERE after IS NOT NULL AND after IS DISTINCT FROM before
),
frees AS (
  SELECT key, attribute, before AS value
  FROM relevant
  WHERE operation <> 'create' AND before IS NOT NULL AND after IS DISTINCT FROM before
  UNION ALL
  SELECT items.key, held.attribute, lower(held.value)
  FROM items
  JOIN held ON held.profile_id = items.profile_id
  WHERE items.operation = 'delete' AND held.value IS NOT NULL
)
SELECT DISTINCT takes.key AS taker, frees.key AS freer, takes.attribute
FROM takes
JOIN frees ON frees.attribute = takes.attribute AND frees.value = takes.value AND frees.key <> takes.key
ORDER BY taker, freer, takes.attribute
