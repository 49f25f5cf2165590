-- The links an applied run left behind: what it knew, and what its apply created (which replaces what it knew).
-- in:  links_then(source_id, profile_id, since), made_then(key, profile_id), and the parameter $run (that run's id)
-- out: source_id, profile_id, matched_by, since; each user and each profile once
WITH both_kinds AS (
    SELECT source_id, profile_id, 'link' AS matched_by, since, 1 AS age FROM links_then
    UNION ALL
    SELECT key, profile_id, 'created', $run, 0 FROM made_then
)
SELECT source_id, profile_id, matched_by, since
FROM (
    SELECT * FROM both_kinds
    WHERE source_id IS NOT NULL AND profile_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY age, profile_id) = 1
)
QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY age, source_id) = 1
