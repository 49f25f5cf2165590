-- What planning itself has to say about people: all for information, none of it holds anybody.
-- in:  refined, terms(attribute, label), held_back, decisions, users, gone_numbers
-- out: key, check, severity, reason, remedy
SELECT
    r.key, 'manager_without_profile' AS "check", 'info' AS severity,
    'The manager ' || json_extract_string(r.after, '$') || ' has no profile, so the ' || t.label || ' is left alone.'
        AS reason,
    'Nothing, if that is right; it is written once the manager has a profile.' AS remedy
FROM refined r JOIN terms t ON t.attribute = r.attribute ANTI JOIN held_back h ON h.key = r.key
WHERE r.barred = 'manager_without_profile'
UNION ALL
SELECT
    r.key, 'rolled_back', 'info', 'The ' || t.label || ' was restored by a rollback and is left alone.',
    'It is written again when the source changes, or after: trueup release ' || r.key
FROM refined r JOIN terms t ON t.attribute = r.attribute ANTI JOIN held_back h ON h.key = r.key
WHERE r.barred = 'rolled_back'
UNION ALL
SELECT
    d.key, 'rolled_back', 'info', d.reason,
    'It is written again when the source changes, or after: trueup release ' || d.key
FROM decisions d JOIN held_back h ON h.key = d.key
WHERE h.reason_code = 'rolled_back'
UNION ALL
SELECT
    r.key, 'not_kept', 'info', 'The target did not keep the ' || t.label || ' as written, so it is not tried again.',
    'Change the mapping to what the target takes, or leave the attribute out of it.'
FROM refined r JOIN terms t ON t.attribute = r.attribute ANTI JOIN held_back h ON h.key = r.key
WHERE r.barred = 'not_kept'
UNION ALL
SELECT
    d.key, 'probably_rehired', 'info',
    'Has the employee number of ' || g.source_id || ', who is gone: probably rehired.',
    'If it is the same person, add this user and that profile to [matching] links before applying.'
FROM decisions d
JOIN users u ON u.source_id = d.source_id
JOIN gone_numbers g ON g.number = u.number
WHERE d.decision IN ('create', 'conflict')
