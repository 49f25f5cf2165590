-- in:  people
-- out: key, detail: enabled people whose employee number a disabled account in scope has too
SELECT person.key, min(leaver.key) AS detail
FROM people AS person
INNER JOIN people AS leaver ON leaver.employee_number_folded = person.employee_number_folded
WHERE person.enabled IS DISTINCT FROM FALSE AND leaver.enabled IS FALSE
GROUP BY person.key
