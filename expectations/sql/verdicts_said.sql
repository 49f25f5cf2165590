-- in:  judged (verdicts.sql), said (said_by_hand.sql), options (guests BOOLEAN),
--      unread (key, columns): columns the verdict looks at that the source did not say of the user
--      Nobody is set aside as a thing for what was not read: such a verdict is unsure, unless somebody said it by hand.
--      doubted (key, says): people that what was not read might show to be things, in words
-- out: key, verdict, signals, overridden_by, sorted by key: .work/verdicts
SELECT
    judged.key,
    CASE
        WHEN said.says = 'always' THEN 'person'
        WHEN said.says = 'never' AND judged.verdict IN ('person', 'unsure') THEN 'service_account'
        WHEN said.says IS NULL AND options.guests AND judged.verdict = 'guest' THEN 'person'
        WHEN said.says IS NULL AND (unread.key IS NOT NULL OR doubted.key IS NOT NULL) THEN 'unsure'
        ELSE judged.verdict
    END AS verdict,
    CASE
        WHEN said.says = 'always' THEN list_prepend('[people] says: always a person', judged.signals)
        WHEN said.says = 'never' THEN list_prepend('[people] says: never a person', judged.signals)
        WHEN options.guests AND judged.verdict = 'guest' THEN list_prepend('[people] counts guests as people', judged.signals)
        WHEN unread.key IS NOT NULL
            THEN list_append(judged.signals, 'the source did not say ' || array_to_string(unread.columns, ', '))
        WHEN doubted.key IS NOT NULL THEN list_append(judged.signals, doubted.says)
        ELSE judged.signals
    END AS signals,
    CASE
        WHEN said.says IS NOT NULL THEN said.says || ' = ' || said.rule
        WHEN options.guests AND judged.verdict = 'guest' THEN 'guests = true'
    END AS overridden_by
FROM judged
LEFT JOIN said ON said.key = judged.key
LEFT JOIN unread
    ON unread.key = judged.key AND judged.verdict NOT IN ('person', 'unsure')
    -- A guest is one by user type and name alone.
    AND (judged.verdict <> 'guest' OR list_has_any(unread.columns, ['userType', 'userPrincipalName']))
LEFT JOIN doubted ON doubted.key = judged.key
CROSS JOIN options
ORDER BY judged.key
