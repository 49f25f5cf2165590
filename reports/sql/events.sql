-- In:  decisions, changes, event_of (attribute, event, place)
-- Out: events: key, events (codes that filter), event (in words) for everybody something happens to
CREATE OR REPLACE TEMP TABLE events AS
WITH of_updates AS (
    SELECT DISTINCT c.key, o.event, o.words, o.place
    FROM changes AS c
    JOIN decisions AS d ON d.key = c.key AND d.decision = 'update'
    JOIN event_of AS o ON o.attribute = c.attribute
),
of_causes AS (
    SELECT DISTINCT c.key, 'adopted' AS event, 'adopted' AS words, 0 AS place
    FROM changes AS c
    JOIN decisions AS d ON d.key = c.key AND d.decision IN ('update', 'reactivate')
    WHERE c.cause = 'first_adoption'
),
of_decisions AS (
    SELECT
        key,
        CASE
            WHEN decision = 'delete' THEN 'deleted'
            WHEN reason_code IN ('created_then', 'restored') THEN 'taken_back'
            WHEN decision = 'create' THEN 'joined'
            WHEN decision = 'reactivate' THEN 'returned'
            WHEN reason_code IN ('disabled', 'deleted', 'gone') THEN 'left'
            ELSE 'ended'
        END AS event,
        CASE event
            WHEN 'joined' THEN 'new'
            WHEN 'returned' THEN 'returned'
            WHEN 'deleted' THEN 'deleted for good'
            WHEN 'left' THEN 'left'
            WHEN 'taken_back' THEN 'taken back'
            ELSE 'no longer in scope'
        END AS words,
        1 AS place
    FROM decisions
    WHERE decision IN ('create', 'reactivate', 'delete', 'deactivate')
),
everything AS (
    SELECT * FROM of_updates
    UNION ALL BY NAME SELECT * FROM of_causes
    UNION ALL BY NAME SELECT * FROM of_decisions
)
SELECT
    key,
    list(event ORDER BY place, event) AS events,
    string_agg(words, ', ' ORDER BY place, words) AS event
FROM everything
GROUP BY key
