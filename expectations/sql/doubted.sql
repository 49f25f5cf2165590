-- in:  judged (verdicts.sql), unread (key, columns), thought (key, verdict, gone: columns that could be read then only);
--      $declaring: columns that say outright what an account is
-- out: doubted (key, says): who would be a person, and was something else when all was read, or is new and lacks one of $declaring
CREATE OR REPLACE TEMP TABLE doubted AS
WITH lacking AS (
    SELECT
        judged.key,
        thought.verdict AS thought,
        unread.columns AS columns,
        list_sort(list_distinct(list_concat(coalesce(unread.columns, []::VARCHAR[]), coalesce(thought.gone, []::VARCHAR[])))) AS silent
    FROM judged
    LEFT JOIN unread ON unread.key = judged.key
    LEFT JOIN thought ON thought.key = judged.key
    WHERE judged.verdict = 'person'
)

SELECT
    key,
    'the source did not say ' || array_to_string(silent, ', ')
    || coalesce(', and when it did this was taken for: ' || replace(thought, '_', ' '), ', which may show a thing') AS says
FROM lacking
WHERE
    len(silent) > 0
    AND CASE WHEN thought IS NULL THEN list_has_any(columns, $declaring::VARCHAR[]) ELSE thought <> 'person' END
