-- In: holds. Out: check_name, people, oldest (first night), over_week, over_month: who the newest night holds.
SELECT
    coalesce(check_name, reason) AS check_name,
    count(DISTINCT key) AS people,
    min(since) AS oldest,
    count(DISTINCT key) FILTER (WHERE night - since > 7) AS over_week,
    count(DISTINCT key) FILTER (WHERE night - since > 30) AS over_month
FROM holds
WHERE night = (SELECT max(night) FROM holds)
    AND night = (SELECT max(night) FROM whole_nights WHERE has_people)
GROUP BY ALL
ORDER BY people DESC, check_name
