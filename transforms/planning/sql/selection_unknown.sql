-- Wishes that name nobody, each with up to three known names that look like it.
-- in:  wished(wish), selection(wish, key), persons(user_name), users(user_name, mail)
-- out: wish, close (list, best first; empty where nothing is close), is_slip (most likely one of them was meant)
WITH unknown AS (
    SELECT wish, lower(trim(wish)) AS folded
    FROM wished
    WHERE wish NOT IN (SELECT wish FROM selection)
),
known AS (
    SELECT lower(user_name) AS name FROM persons WHERE user_name IS NOT NULL
    UNION
    SELECT lower(user_name) FROM users WHERE user_name IS NOT NULL
    UNION
    SELECT lower(mail) FROM users WHERE mail IS NOT NULL
),
near AS (
    SELECT
        u.wish, k.name, damerau_levenshtein(k.name, u.folded) AS steps,
        split_part(k.name, '@', 1) = split_part(u.folded, '@', 1) AS same_person
    FROM unknown u
    -- Lengths first: the distance of two names is at least what their lengths differ by.
    JOIN known k ON length(k.name) BETWEEN length(u.folded) - 2 AND length(u.folded) + 2
    WHERE damerau_levenshtein(k.name, u.folded) <= 2
        AND NOT starts_with(u.folded, 'profile:')
        AND NOT regexp_full_match(u.folded, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
)
SELECT
    u.wish,
    coalesce(list(n.name ORDER BY n.steps, n.name) FILTER (WHERE n.name IS NOT NULL)[1:3], []) AS close,
    -- Two letters of three make another person; one of seven is more likely a slip.
    coalesce(bool_or(n.same_person OR n.steps * 5 <= length(split_part(u.folded, '@', 1))), FALSE) AS is_slip
FROM unknown u
LEFT JOIN near n ON n.wish = u.wish
GROUP BY u.wish
ORDER BY u.wish
