-- People whose course ends before anything is compared; the first reason counts.
-- in:  courses, restored, suppressed, incomplete(key, detail), unselected(key),
--      and the macro means_same(json text, json text)
-- out: key, decision, reason_code, detail
WITH reasons AS (
    SELECT c.key, 'hold' AS decision, 'rolled_back' AS reason_code, NULL AS detail, 1 AS rank
    FROM courses c
    SEMI JOIN (SELECT key FROM restored WHERE decision = 'delete' AND attribute IS NULL) AS r ON r.key = c.key
    WHERE c.course = 'create'
    UNION ALL
    SELECT c.key, 'unchanged', 'rolled_back', NULL, 1
    FROM courses c
    JOIN restored r ON r.key = c.key AND r.attribute = 'active' AND r.decision IN ('reactivate', 'create', 'update')
    WHERE c.course IN ('deactivate', 'delete') AND r.bad_state = c.end_state
    UNION ALL
    SELECT c.key, 'unchanged', 'not_kept', NULL, 2
    FROM courses c
    JOIN suppressed s ON s.key = c.key AND s.attribute = 'active' AND s.written = 'false'
    WHERE c.course = 'deactivate'
    AND means_same(s.found, CASE c.active WHEN TRUE THEN 'true' END)
    UNION ALL
    SELECT i.key, 'hold', 'required_missing', i.detail, 3 FROM incomplete i
    UNION ALL
    SELECT c.key, 'hold', 'not_selected', NULL, 4
    FROM courses c SEMI JOIN unselected u USING (key)
    WHERE c.course IN ('create', 'deactivate', 'delete')
)
SELECT key, decision, reason_code, detail FROM reasons
QUALIFY row_number() OVER (PARTITION BY key ORDER BY rank, detail) = 1
