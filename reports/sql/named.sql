-- In:  decisions, names (key, name)
-- Out: named: how a person is called where somebody refers to them, e.g. as manager
CREATE OR REPLACE TEMP TABLE named AS
SELECT
    d.key,
    CASE
        WHEN n.name IS NULL THEN coalesce(d.user_name, d.key)
        WHEN d.user_name IS NULL OR d.user_name = n.name THEN n.name
        ELSE n.name || ' (' || d.user_name || ')'
    END AS name
FROM decisions AS d
LEFT JOIN names AS n ON n.key = d.key
