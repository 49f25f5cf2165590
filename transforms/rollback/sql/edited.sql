-- People with a value that was edited in the target since and is kept.
-- in:  rollback_candidates(key, barred)
-- out: key
SELECT DISTINCT key FROM rollback_candidates WHERE barred = 'edited_since'
