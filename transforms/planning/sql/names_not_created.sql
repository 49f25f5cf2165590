-- User names a run wanted to create and did not: perhaps a profile has them that the target's list does not show.
-- in:  outcome_then(key, profile_id, operation, result), changes_then(key, attribute, after)
-- out: user_name, each once
SELECT DISTINCT json_extract_string(changes_then.after, '$') AS user_name
FROM outcome_then
JOIN changes_then USING (key)
WHERE
    outcome_then.operation = 'create'
    AND outcome_then.result IN ('failed', 'skipped')
    AND changes_then.attribute = 'userName'
    AND changes_then.after IS NOT NULL
ORDER BY user_name
