-- Users nobody is known to belong to yet.
-- in:  linked, by_hand(source_id, rivals)
-- out: source_id
SELECT source_id
FROM linked
WHERE is_user AND profile_id IS NULL AND source_id NOT IN (SELECT source_id FROM by_hand WHERE rivals > 1)
