-- In: headcount. Out: department, people now, people at the first night: the newest night that reached the directory.
WITH ends AS (
    SELECT min(night) AS first_night, max(night) AS last_night FROM headcount
)

SELECT
    department,
    coalesce(sum(people) FILTER (WHERE night = last_night), 0)::BIGINT AS now,
    coalesce(sum(people) FILTER (WHERE night = first_night), 0)::BIGINT AS first
FROM headcount, ends
WHERE night IN (first_night, last_night)
GROUP BY ALL
ORDER BY now DESC, department
