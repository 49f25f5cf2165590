-- In: headcount. Out: night, people: active and managed, all departments.
SELECT night, sum(people)::BIGINT AS people
FROM headcount
GROUP BY night
ORDER BY night
