-- in:  judged (verdicts.sql), said (said_by_hand.sql), options (guests BOOLEAN)
-- out: key, verdict, signals, overridden_by, sorted by key: .work/verdicts
SELECT
    judged.key,
    CASE
        WHEN said.says = 'always' THEN 'person'
        WHEN said.says = 'never' AND judged.verdict IN ('person', 'unsure') THEN 'service_account'
        WHEN said.says IS NULL AND options.guests AND judged.verdict = 'guest' THEN 'person'
        ELSE judged.verdict
    END AS verdict,
    CASE
        WHEN said.says = 'always' THEN list_prepend('[people] says: always a person', judged.signals)
        WHEN said.says = 'never' THEN list_prepend('[people] says: never a person', judged.signals)
        WHEN options.guests AND judged.verdict = 'guest' THEN list_prepend('[people] counts guests as people', judged.signals)
        ELSE judged.signals
    END AS signals,
    CASE
        WHEN said.says IS NOT NULL THEN said.says || ' = ' || said.rule
        WHEN options.guests AND judged.verdict = 'guest' THEN 'guests = true'
    END AS overridden_by
FROM judged
LEFT JOIN said ON said.key = judged.key
CROSS JOIN options
ORDER BY judged.key
