-- in:  people; $field is one of user_name, email, employee_number
-- out: key, detail: the other enabled people in scope who have the same value, by key, five at most
WITH shown AS (
    SELECT
        key,
        CASE $field WHEN 'user_name' THEN user_name_folded WHEN 'email' THEN email_folded ELSE employee_number_folded END AS value
    FROM people
    WHERE enabled IS DISTINCT FROM FALSE
),

often AS (
    SELECT value FROM shown WHERE value IS NOT NULL GROUP BY value HAVING count(*) > 1
),

shared AS (
    SELECT shown.value, list(shown.key ORDER BY shown.key) AS keys
    FROM shown
    INNER JOIN often ON often.value = shown.value
    GROUP BY shown.value
)

SELECT
    shown.key,
    array_to_string(list_filter(shared.keys[1:6], lambda k: k <> shown.key)[1:5], ', ')
    || CASE WHEN len(shared.keys) > 6 THEN ' and ' || (len(shared.keys) - 6) || ' more' ELSE '' END AS detail
FROM shown
INNER JOIN shared ON shared.value = shown.value
