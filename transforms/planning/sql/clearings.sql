-- Values of the target that the source has none for, where it matters whether the source ever had one.
-- in:  candidates, terms(attribute, kind, required, when_empty)
-- out: key, attribute
SELECT c.key, c.attribute
FROM candidates c
JOIN terms t USING (attribute)
WHERE c.after IS NULL AND t.when_empty = 'clear_removed' AND NOT list_contains(c.left_alone, c.attribute)
