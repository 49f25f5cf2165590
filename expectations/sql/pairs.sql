-- in:  people, target (id, externalId, userName), known_links (source_id, profile_id), wanted (key, user_name)
-- out: pairs: key, profile_id: who is probably the same person, by link, else externalId, else user name; a rough
--      pairing for comparing columns as a whole, decides nothing about anybody
CREATE OR REPLACE TEMP TABLE pairs AS
WITH linked AS (
    SELECT people.key, known_links.profile_id FROM people INNER JOIN known_links ON known_links.source_id = people.key
),

by_id AS (
    SELECT people.key, target.id AS profile_id
    FROM people
    INNER JOIN target ON target.externalId = people.key
    WHERE people.key NOT IN (SELECT key FROM linked)
),

by_name AS (
    SELECT people.key, target.id AS profile_id
    FROM people
    INNER JOIN target ON lower(target.userName) = lower(people.user_name)
    WHERE people.key NOT IN (SELECT key FROM linked) AND people.key NOT IN (SELECT key FROM by_id)
)

SELECT key, any_value(profile_id) AS profile_id
FROM (FROM linked UNION ALL FROM by_id UNION ALL FROM by_name)
GROUP BY key
