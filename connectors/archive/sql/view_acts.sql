-- One row per act of every sealed run.
-- In:  read_text(:files) over all acts/*.json.
-- Out: acts (run_id, number, act, at, who, reason, fingerprint, details as JSON).
CREATE OR REPLACE VIEW acts AS
SELECT
    split_part(filename, '/', -3) AS run_id,
    (content ->> '$.number')::INTEGER AS number,
    content ->> '$.act' AS act,
    (content ->> '$.at')::TIMESTAMPTZ AS "at",
    content ->> '$.who' AS who,
    content ->> '$.reason' AS reason,
    content ->> '$.fingerprint' AS fingerprint,
    content -> '$.details' AS details
FROM read_text(:files) AS record;
