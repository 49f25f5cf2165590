-- Who approved a run, and when it was applied.
-- In:  acts. Out: acts_by (run_id, approved_by, applied_at).
CREATE OR REPLACE VIEW acts_by AS
SELECT
    run_id,
    string_agg(DISTINCT who, ', ' ORDER BY who) FILTER (WHERE act = 'approved') AS approved_by,
    max("at") FILTER (WHERE act IN ('applied', 'partially_applied', 'interrupted')) AS applied_at
FROM acts
GROUP BY run_id;
