-- In:  decisions, changes, names (key, name), events (key, events, event), holds (key, remedy, since),
--      left_out (key, who), news (key); parameters unlisted (decisions not listed at all) and room (people and changes listed)
-- Out: people: one row per listed person, most important first; person counts from 0
CREATE OR REPLACE TEMP TABLE people AS
WITH changing AS (
    SELECT key, count(*) AS changes
    FROM changes
    GROUP BY key
),
ranked AS (
    SELECT
        d.*,
        coalesce(n.name, d.user_name, d.key) AS name,
        row_number() OVER ranks AS place,
        sum(1 + coalesce(c.changes, 0)) OVER (ranks ROWS UNBOUNDED PRECEDING) AS so_far
    FROM decisions AS d
    LEFT JOIN names AS n ON n.key = d.key
    LEFT JOIN changing AS c ON c.key = d.key
    WHERE d.decision NOT IN (SELECT unnest($unlisted::VARCHAR[]))
    WINDOW ranks AS (
        ORDER BY
            list_position(
                ['delete', 'deactivate', 'conflict', 'hold', 'reactivate', 'create', 'update',
                 'out_of_scope', 'unmanaged', 'unchanged'],
                d.decision
            ),
            lower(coalesce(n.name, d.user_name, d.key)),
            d.key
    )
)
SELECT
    (r.place - 1)::INTEGER AS person,
    r.key,
    r.name,
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
    l.who AS left_out_by,
    f.key IS NOT NULL AS is_new
FROM ranked AS r
LEFT JOIN events AS e ON e.key = r.key
LEFT JOIN holds AS h ON h.key = r.key
LEFT JOIN left_out AS l ON l.key = r.key
LEFT JOIN news AS f ON f.key = r.key
WHERE $room IS NULL OR r.so_far <= $room
ORDER BY person
