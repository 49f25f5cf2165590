-- What a rollback leaves alone although it was asked for.
-- in:  rollback_candidates(key, attribute, barred), terms(attribute, label),
--      told(key, check, severity, reason, remedy)
-- out: key, check, severity, reason, remedy
SELECT
    key, 'edited_since' AS "check", 'info' AS severity,
    'The ' || label || ' was edited in the target since and is kept.' AS reason,
    'To take the edit back too, plan the rollback with --overwrite.' AS remedy
FROM rollback_candidates JOIN terms USING (attribute)
WHERE barred = 'edited_since'
UNION ALL
SELECT
    key, 'manager_without_profile', 'info', 'The manager to be restored has no profile, so the ' || label || ' stays.',
    'Nothing, if that is right.'
FROM rollback_candidates JOIN terms USING (attribute)
WHERE barred = 'manager_without_profile'
UNION ALL
SELECT
    key, 'required_kept', 'info',
    'The ' || label || ' would become empty, which the target does not allow, so it stays.',
    'Nothing, if that is right.'
FROM rollback_candidates JOIN terms USING (attribute)
WHERE barred = 'required_missing'
UNION ALL
FROM told
