-- Who changed what of one person, when, and who approved it: all runs in one query.
-- In:  person (key), runs, acts, decisions, changes, outcome.
-- Out: at, run_id, kind, state, decision, attribute, before, after, cause, reason, result, because, approved_by; newest
--      first. Runs in which nothing was to be done for the person are not in it.
WITH said AS (
    SELECT
        run_id,
        string_agg(DISTINCT who, ', ' ORDER BY who) FILTER (WHERE act = 'approved') AS approved_by,
        max(acts."at") FILTER (WHERE act IN ('applied', 'partially_applied', 'interrupted')) AS applied_at
    FROM acts
    GROUP BY run_id
)

SELECT
    strftime(coalesce(said.applied_at, runs.sealed), '%Y-%m-%dT%H:%M:%SZ') AS "at",
    runs.run_id,
    runs.kind,
    runs.state,
    decisions.decision,
    changes.attribute,
    changes.before,
    changes.after,
    changes.cause,
    decisions.reason,
    outcome.result,
    nullif(outcome.reason, '') AS because,
    said.approved_by
FROM decisions
JOIN person ON person.key = decisions.key
JOIN runs ON runs.run_id = decisions.run_id
LEFT JOIN changes ON changes.run_id = decisions.run_id AND changes.key = decisions.key
LEFT JOIN outcome ON outcome.run_id = decisions.run_id AND outcome.key = decisions.key
    AND outcome.operation <> 'restore'
LEFT JOIN said ON said.run_id = decisions.run_id
WHERE decisions.decision NOT IN ('unchanged', 'out_of_scope', 'unmanaged')
ORDER BY runs.run_id DESC, decisions.key, changes.attribute;
