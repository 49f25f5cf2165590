-- One row per night, person held and check that holds them.
-- In:  whole_nights, decisions, findings, names.
-- Out: night, key, display_name, check_name, reason, since (the first night of the unbroken row of nights they are held).
CREATE OR REPLACE VIEW holds AS
WITH read_nights AS (
    -- A night that came to no decisions, or was pruned, breaks no row.
    SELECT n.night, n.run_id, row_number() OVER (ORDER BY n.night) AS number
    FROM whole_nights AS n
    WHERE n.has_people
),

held AS (
    SELECT r.night, r.run_id, r.number, d.key, d.reason
    FROM decisions AS d
    JOIN read_nights AS r ON r.run_id = d.run_id
    WHERE d.decision = 'hold'
),

rows_of_nights AS (
    SELECT *, number - row_number() OVER (PARTITION BY key ORDER BY number) AS row_of FROM held
),

since AS (
    SELECT *, min(night) OVER (PARTITION BY key, row_of) AS since FROM rows_of_nights
)

SELECT
    h.night,
    h.key,
    s.display_name,
    f."check" AS check_name,
    coalesce(f.reason, h.reason) AS reason,
    h.since
FROM since AS h
LEFT JOIN findings AS f ON f.run_id = h.run_id AND f.key = h.key AND f.severity = 'warning'
LEFT JOIN names AS s ON s.key = h.key;
