-- What the view runs leaves out of a manifest.
-- In:  read_text(:files) over all manifest.json. Out: manifest_parts (run_id, limits, seconds).
CREATE OR REPLACE VIEW manifest_parts AS
SELECT content ->> '$.run_id' AS run_id, content -> '$.limits' AS limits, content -> '$.stage_seconds' AS seconds
FROM read_text(:files) AS manifest;
