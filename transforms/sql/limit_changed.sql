-- Existing profiles each attribute changes for; active has limits of its own.
-- in:  explained, decided
-- out: attribute, used
SELECT e.attribute, count(*) AS used
FROM explained e
JOIN decided d USING (key)
WHERE d.decision IN ('update', 'reactivate', 'deactivate') AND e.attribute <> 'active'
GROUP BY e.attribute
ORDER BY e.attribute
