-- Existing profiles each attribute changes for, and of those it is emptied for; active has limits of its own.
-- in:  explained, decisions
-- out: attribute, changed, emptied
SELECT e.attribute, count(*) AS changed, count(*) FILTER (WHERE e.before IS NOT NULL AND e.after IS NULL) AS emptied
FROM explained e
JOIN decisions d USING (key)
WHERE d.decision IN ('update', 'reactivate', 'deactivate') AND e.attribute <> 'active'
GROUP BY e.attribute
ORDER BY e.attribute
