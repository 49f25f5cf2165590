-- The profile of every person a reference of the work mentions.
-- relations in: items (work_items.sql as a table), decisions, links (source_id, profile_id)
-- rows out:     key, profile_id (null while the profile does not exist), decision
WITH mentioned AS (
  SELECT DISTINCT unnest([ref.before ->> '$', ref.after ->> '$']) AS key
  FROM (SELECT unnest(refs) AS ref FROM items WHERE refs IS NOT NULL)
)
SELECT mentioned.key, coalesce(decisions.profile_id, links.profile_id) AS profile_id, decisions.decision
FROM mentioned
LEFT JOIN decisions ON decisions.key = mentioned.key
LEFT JOIN (SELECT source_id, any_value(profile_id) AS profile_id FROM links GROUP BY source_id) AS links
  ON links.source_id = mentioned.key
WHERE mentioned.key IS NOT NULL
