-- in:  people, target (id, externalId, userName), known_links (source_id, profile_id), wanted (key, user_name)
-- out: pairs: key, profile_id: who is probably the same person, by link, else externalId, else user name; a rough
--      pairing for comparing columns as a whole, decides nothing about anybody
CREATE OR REPLACE TEMP TABLE pairs AS
WITH linked AS (
    SELECT people.key, known_links.profile_id FROM people INNER JOIN known_links ON known_links.source_id = people.key
),

-- Few are without a link on any night but the first: they are found once, and looked for alone.
unlinked AS MATERIALIZED (
    SELECT key, user_name FROM people ANTI JOIN known_links ON known_links.source_id = people.key
),

by_id AS MATERIALIZED (
    SELECT unlinked.key, target.id AS profile_id
    FROM unlinked
    INNER JOIN target ON target.externalId = unlinked.key
),

by_name AS (
    SELECT unlinked.key, target.id AS profile_id
    FROM unlinked
    INNER JOIN target ON lower(target.userName) = lower(unlinked.user_name)
    ANTI JOIN by_id ON by_id.key = unlinked.key
)

SELECT key, any_value(profile_id) AS profile_id
FROM (FROM linked UNION ALL FROM by_id UNION ALL FROM by_name)
GROUP BY key
