-- What comparing comes to for each person an existing profile is kept in step for.
-- in:  refined, held_back
-- out: key, n, turns_off, turns_on
SELECT
    r.key, count(*) AS n,
    coalesce(bool_or(r.attribute = 'active' AND r.after = 'false'), FALSE) AS turns_off,
    coalesce(bool_or(r.attribute = 'active' AND r.before = 'false' AND r.after = 'true'), FALSE) AS turns_on
FROM refined r
ANTI JOIN held_back h ON h.key = r.key
WHERE r.course = 'compare' AND r.barred IS NULL
GROUP BY r.key
