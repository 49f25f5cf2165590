-- One row per night: its last whole run, of any outcome.
-- In:  whole_nights (night, run_id), runs, acts_by, manifests (content).
-- Out: night, run_id, outcome, state, started, sealed, users, profiles, changes, the ten decisions, refusals, limits
--      (JSON), seconds (JSON: stage → seconds), approved_by.
CREATE OR REPLACE VIEW nights AS
SELECT
    n.night,
    r.run_id,
    r.outcome,
    r.state,
    r.started,
    r.sealed,
    r.users,
    r.profiles,
    r.changes,
    coalesce((r.counts ->> '$.create')::BIGINT, 0) AS created,
    coalesce((r.counts ->> '$.update')::BIGINT, 0) AS updated,
    coalesce((r.counts ->> '$.reactivate')::BIGINT, 0) AS reactivated,
    coalesce((r.counts ->> '$.deactivate')::BIGINT, 0) AS deactivated,
    coalesce((r.counts ->> '$.delete')::BIGINT, 0) AS deleted,
    coalesce((r.counts ->> '$.unchanged')::BIGINT, 0) AS unchanged,
    coalesce((r.counts ->> '$.hold')::BIGINT, 0) AS held,
    coalesce((r.counts ->> '$.out_of_scope')::BIGINT, 0) AS out_of_scope,
    coalesce((r.counts ->> '$.unmanaged')::BIGINT, 0) AS unmanaged,
    coalesce((r.counts ->> '$.conflict')::BIGINT, 0) AS conflicts,
    coalesce(json_array_length(r.refusals), 0) AS refusals,
    m.limits,
    m.seconds,
    b.approved_by
FROM whole_nights AS n
JOIN runs AS r ON r.run_id = n.run_id
JOIN manifest_parts AS m ON m.run_id = n.run_id
LEFT JOIN acts_by AS b ON b.run_id = n.run_id
ORDER BY n.night;
