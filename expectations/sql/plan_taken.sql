-- in:  decisions, changes, actual (key, userName)
-- out: key, detail: people who would get a user name that a profile keeps which this plan does not rename
WITH written AS (
    SELECT key, lower(json_extract_string("after", '$')) AS value
    FROM changes
    WHERE attribute = 'userName' AND "after" IS NOT NULL
),

kept AS (
    SELECT actual.key, lower(actual.userName) AS value
    FROM actual
    ANTI JOIN written ON written.key = actual.key
    ANTI JOIN (SELECT key FROM decisions WHERE decision = 'delete') AS gone ON gone.key = actual.key
    WHERE actual.userName IS NOT NULL
)

SELECT written.key, min(kept.key) AS detail
FROM written
INNER JOIN kept ON kept.value = written.value AND kept.key <> written.key
GROUP BY written.key
