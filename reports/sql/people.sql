-- In:  decisions, names (key, name), events (key, events, event), holds (key, remedy, since), left_out (key, who),
--      parameters quiet (decisions listed only while they fit)
-- Out: people: one row per listed person, most important first; person counts from 0
CREATE OR REPLACE TEMP TABLE people AS
WITH ranked AS (
    SELECT
        d.*,
        list_position(
            ['delete', 'deactivate', 'conflict', 'hold', 'reactivate', 'create', 'update',
             'out_of_scope', 'unmanaged', 'unchanged'],
            d.decision
        ) AS rank
    FROM decisions AS d
    WHERE d.decision NOT IN (SELECT unnest($unlisted::VARCHAR[]))
)
SELECT
    (row_number() OVER (ORDER BY r.rank, lower(coalesce(n.name, r.user_name, r.key)), r.key) - 1)::INTEGER AS person,
    r.key,
    coalesce(n.name, r.user_name, r.key) AS name,
    r.user_name,
    r.source_id,
    r.profile_id,
    r.decision,
    r.reason_code,
    r.reason,
    r.verdict,
    r.matched_by,
    coalesce(e.events, []) AS events,
    coalesce(e.event, '') AS event,
    h.remedy,
    h.since AS held_since,
    l.who AS left_out_by
FROM ranked AS r
LEFT JOIN names AS n ON n.key = r.key
LEFT JOIN events AS e ON e.key = r.key
LEFT JOIN holds AS h ON h.key = r.key
LEFT JOIN left_out AS l ON l.key = r.key
ORDER BY person
