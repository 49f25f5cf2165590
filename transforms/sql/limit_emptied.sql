-- Existing profiles each attribute is emptied for.
-- in:  explained, decided
-- out: attribute, used
SELECT e.attribute, count(*) AS used
FROM explained e
JOIN decided d USING (key)
WHERE d.decision IN ('update', 'reactivate', 'deactivate') AND e.attribute <> 'active'
AND e.before IS NOT NULL AND e.after IS NULL
GROUP BY e.attribute
ORDER BY e.attribute
