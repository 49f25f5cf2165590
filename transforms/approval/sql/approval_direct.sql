-- What the selectors themselves leave out.
-- In:  unit, selector (selection, role 'only' | 'exclude', kind 'key' | 'attribute' | 'decision' | 'change', word).
-- Out: direct (key, attribute, because, unselected): attribute '' leaves out the person as a whole.
--      Of each kind that --only names, everything else is left out; --exclude leaves out what it names.
--      A deletion and a person as a whole have no attribute to choose: --only ATTRIBUTE leaves deletions out.
CREATE TABLE direct AS
WITH excluded AS (
    SELECT unit.key, unit.attribute, 'excluded by ' || selector.word AS because, false AS unselected
    FROM unit
    JOIN selector ON selector.word = unit.key
    WHERE unit.attribute = '' AND selector.kind = 'key' AND selector.role = 'exclude'
    UNION ALL
    SELECT unit.key, unit.attribute, 'excluded by ' || selector.word, false
    FROM unit
    JOIN selector ON selector.word = unit.decision
    WHERE unit.attribute = '' AND selector.kind = 'decision' AND selector.role = 'exclude'
    UNION ALL
    SELECT unit.key, unit.attribute, 'excluded by ' || selector.word, false
    FROM unit
    JOIN selector ON selector.word = unit.attribute
    WHERE selector.kind = 'attribute' AND selector.role = 'exclude'
    UNION ALL
    SELECT unit.key, unit.attribute, 'excluded by ' || selector.word, false
    FROM unit
    JOIN selector ON selector.word = unit.key || '/' || unit.attribute
    WHERE unit.attribute <> '' AND selector.kind = 'change' AND selector.role = 'exclude'
),

chooser AS (
    SELECT DISTINCT selection, kind
    FROM selector
    WHERE role = 'only'
),

unchosen AS (
    SELECT unit.key, unit.attribute, 'not among what was chosen' AS because, true AS unselected
    FROM unit
    CROSS JOIN chooser
    WHERE (unit.attribute = '') = (chooser.kind <> 'attribute' OR unit.decision = 'delete')
        AND NOT EXISTS (
            SELECT 1
            FROM selector
            WHERE selector.role = 'only'
                AND selector.selection = chooser.selection
                AND selector.kind = chooser.kind
                AND selector.word = CASE chooser.kind
                    WHEN 'key' THEN unit.key
                    WHEN 'decision' THEN unit.decision
                    ELSE unit.attribute
                END
        )
)

SELECT * FROM excluded
UNION
SELECT * FROM unchosen;
