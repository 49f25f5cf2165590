-- Everything apply could do one by one.
-- In:  decisions (key, decision …), changes (key, attribute, before, after as JSON text), writing (decision).
-- Out: unit (key, attribute, decision, before, after): one row per change of a person who is written, values as
--      plain text, and one row per such person with attribute '' for the person as a whole.
CREATE TABLE unit AS
SELECT
    decisions.key,
    changes.attribute,
    decisions.decision,
    changes.before ->> '$' AS before,
    changes.after ->> '$' AS after
FROM changes
JOIN decisions USING (key)
WHERE decisions.decision IN (FROM writing)
UNION ALL
SELECT key, '', decision, NULL, NULL
FROM decisions
WHERE decision IN (FROM writing);
