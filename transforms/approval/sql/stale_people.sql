-- Everybody whose values differ between two plans.
-- In:  then_values, now_values (key and one column per attribute); :differs, a generated list of one comparison per
--      attribute they share.
-- Out: key, appeared, vanished, places (numbers, from 1, of the attributes that differ; empty for who came or went).
SELECT *
FROM (
    SELECT
        coalesce(then_values.key, now_values.key) AS key,
        then_values.key IS NULL AS appeared,
        now_values.key IS NULL AS vanished,
        IF(appeared OR vanished, [], list_where(range(1, len(flags) + 1), flags)) AS places
    FROM then_values
    FULL JOIN now_values ON now_values.key = then_values.key
    CROSS JOIN LATERAL (SELECT :differs AS flags)
)
WHERE appeared OR vanished OR len(places) > 0
