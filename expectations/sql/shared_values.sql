-- in:  people; $field is one of user_name, email, employee_number
-- out: key, number (of the value), detail: enabled people in scope who share a value, and who else has it, five at most
WITH shown AS (
    SELECT
        key,
        CASE $field WHEN 'user_name' THEN user_name_folded WHEN 'email' THEN email_folded ELSE employee_number_folded END AS value
    FROM people
    WHERE enabled IS DISTINCT FROM FALSE
),

often AS (
    SELECT value, row_number() OVER () AS number
    FROM shown
    WHERE value IS NOT NULL
    GROUP BY value
    HAVING count(*) > 1
),

shared AS (
    SELECT often.number, count(*) AS people, min(shown.key, 6) AS keys
    FROM shown
    INNER JOIN often ON often.value = shown.value
    GROUP BY often.number
)

SELECT
    shown.key,
    often.number,
    array_to_string(list_filter(shared.keys, lambda k: k <> shown.key)[1:5], ', ')
    || CASE WHEN shared.people > 6 THEN ' and ' || (shared.people - 6) || ' more' ELSE '' END AS detail
FROM shown
INNER JOIN often ON often.value = shown.value
INNER JOIN shared ON shared.number = often.number
