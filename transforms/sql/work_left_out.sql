-- People the plan would write and apply does not: left out wholly, or with nothing left to write.
-- relations in: decisions, items (work_items.sql as a table)
-- rows out:     key, operation, profile_id
SELECT key, decision AS operation, profile_id
FROM decisions
WHERE decision IN ('create', 'update', 'reactivate', 'deactivate', 'delete')
  AND key NOT IN (SELECT key FROM items)
ORDER BY key
