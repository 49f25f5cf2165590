-- What a rollback leaves alone although it was asked for.
-- in:  candidates(key, attribute, barred)
-- out: key, check, severity, reason, remedy
SELECT
    key, 'edited_since' AS "check", 'info' AS severity,
    attribute || ' was edited in the target since and is kept.' AS reason,
    'To take the edit back too, plan the rollback with --overwrite.' AS remedy
FROM candidates
WHERE barred = 'edited_since'
UNION ALL
SELECT
    key, 'manager_without_profile', 'info', 'The manager to be restored has no profile, so ' || attribute || ' stays.',
    'Nothing, if that is right.'
FROM candidates
WHERE barred = 'manager_without_profile'
