-- In: nights. Out: what the page of all nights shows of each.
SELECT
    night, run_id, outcome, state, created + updated + reactivated AS written, deactivated + deleted AS ended, held, changes,
    limits, seconds, approved_by
FROM nights
ORDER BY night
