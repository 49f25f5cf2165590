-- Causes as one applied run shows them: what it wanted, saw and planned, against what is wanted and seen now.
-- in:  open_changes(key, attribute, before, after), desired_then, actual_then (key, attribute, value), changes_then,
--      decided_then, results_then(key, result), left_behind(key, attribute, value), moved_sources(key, attribute), ends(key, end_state),
--      and the macro means_same(json text, json text)
-- out: key, attribute, cause (null: this run cannot tell, an older one may)
SELECT
    o.key, o.attribute,
    CASE
        WHEN c.key IS NOT NULL AND c.after IS NOT DISTINCT FROM o.after AND c.before IS NOT DISTINCT FROM o.before
            AND coalesce(r.result, 'failed') <> 'applied' THEN c.cause
        WHEN c.key IS NOT NULL AND c.after IS NOT DISTINCT FROM o.after
            AND b.key IS NOT NULL AND means_same(b.value, o.before) THEN c.cause
        WHEN e.key IS NOT NULL AND d.reason_code IS DISTINCT FROM e.end_state AND d.key IS NOT NULL
            THEN 'source_changed'
        WHEN e.key IS NOT NULL AND c.key IS NOT NULL THEN 'edited_in_target'
        WHEN e.key IS NOT NULL THEN
            CASE WHEN a.value IS DISTINCT FROM o.before THEN 'edited_in_target' END
        WHEN w.key IS NULL THEN 'source_changed'
        WHEN w.value IS DISTINCT FROM o.after THEN
            CASE WHEN s.key IS NULL THEN 'mapping_changed' ELSE 'source_changed' END
        WHEN c.key IS NOT NULL THEN 'edited_in_target'
        WHEN a.value IS DISTINCT FROM o.before THEN 'edited_in_target'
    END AS cause
FROM open_changes o
LEFT JOIN desired_then w ON w.key = o.key AND w.attribute = o.attribute
LEFT JOIN actual_then a ON a.key = o.key AND a.attribute = o.attribute
LEFT JOIN changes_then c ON c.key = o.key AND c.attribute = o.attribute
LEFT JOIN decided_then d ON d.key = o.key
LEFT JOIN results_then r ON r.key = o.key
LEFT JOIN left_behind b ON b.key = o.key AND b.attribute = o.attribute
LEFT JOIN ends e ON e.key = o.key AND o.attribute = 'active'
LEFT JOIN moved_sources s ON s.key = o.key AND s.attribute = o.attribute
