-- People whose profile had another id once the apply had written it.
-- in:  outcome_linked(key, profile_id, operation, result), decisions_linked(key, profile_id)
-- out: source_id, profile_id (as it is since)
SELECT o.key AS source_id, min(o.profile_id) AS profile_id
FROM outcome_linked o
JOIN decisions_linked d ON d.key = o.key
WHERE o.operation NOT IN ('create', 'restore') AND o.profile_id <> d.profile_id
GROUP BY o.key
