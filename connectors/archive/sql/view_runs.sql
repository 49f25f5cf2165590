-- One row per sealed run, from its manifest.
-- In:  read_text(:files) over all manifest.json; states (run_id, state).
-- Out: runs (run_id, kind, parent_run, state, outcome, started, sealed, target, users, profiles, changes, counts as
--      JSON, refusals as JSON, baseline_run, fingerprint).
CREATE OR REPLACE VIEW runs AS
SELECT
    content ->> '$.run_id' AS run_id,
    content ->> '$.kind' AS kind,
    content ->> '$.parent_run' AS parent_run,
    states.state,
    content ->> '$.outcome' AS outcome,
    (content ->> '$.started')::TIMESTAMPTZ AS started,
    (content ->> '$.sealed')::TIMESTAMPTZ AS sealed,
    content ->> '$.target' AS target,
    (content ->> '$.users')::BIGINT AS users,
    (content ->> '$.profiles')::BIGINT AS profiles,
    (content ->> '$.changes')::BIGINT AS changes,
    content -> '$.counts' AS counts,
    content -> '$.refusals' AS refusals,
    content ->> '$.baseline_run' AS baseline_run,
    content ->> '$.fingerprint' AS fingerprint
FROM read_text(:files) AS manifest
LEFT JOIN states ON states.run_id = (content ->> '$.run_id');
