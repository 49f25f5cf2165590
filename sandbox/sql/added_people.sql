-- Ordinary people in any number, the same each time, in no useful order of names.
-- Parameters: count, given, given_plain, surnames, surnames_plain, departments, titles, cities, countries, domain, licence.
-- Rows out: one per person, columns named as Graph's properties; manager is an object id, 12 people per team.
WITH numbered AS (
    SELECT range AS n, (range * 7919 + 104729) % 2147483647 AS r FROM range($count)
),
drawn AS (
    SELECT
        n,
        r,
        1 + r % len($given) AS g,
        1 + (r // 61) % len($surnames) AS s,
        1 + r % len($departments) AS d,
        1 + (r // 7) % len($cities) AS c,
        md5('added-' || n) AS h,
        md5('added-' || (n // 12 // 12 * 12)) AS m
    FROM numbered
),
identified AS (
    SELECT
        *,
        concat_ws('-', h[1:8], h[9:12], '4' || h[14:16], 'a' || h[18:20], h[21:32]) AS id,
        concat_ws('-', m[1:8], m[9:12], '4' || m[14:16], 'a' || m[18:20], m[21:32]) AS above,
        $given_plain[g] || '.' || $surnames_plain[s] || '.' || n AS alias
    FROM drawn
)
SELECT
    id,
    true AS accountEnabled,
    'Member' AS userType,
    alias || '@' || $domain AS userPrincipalName,
    alias AS mailNickname,
    strftime(TIMESTAMP '2015-01-01 08:00:00' + to_days((r % 4000)::INTEGER), '%Y-%m-%dT%H:%M:%SZ') AS createdDateTime,
    $given[g] || ' ' || $surnames[s] AS displayName,
    $given[g] AS givenName,
    $surnames[s] AS surname,
    alias || '@' || $domain AS mail,
    ['SMTP:' || alias || '@' || $domain] AS proxyAddresses,
    $titles[d][1 + (r // 11) % len($titles[d])] AS jobTitle,
    $departments[d] AS department,
    'Contoso' AS companyName,
    $cities[c] || ' ' || (1 + r % 9) || '.' || (10 + r % 80) AS officeLocation,
    $cities[c] AS city,
    $countries[c] AS country,
    $countries[c] AS usageLocation,
    ['+31 20 ' || (1000000 + r % 9000000)] AS businessPhones,
    CASE WHEN r % 3 > 0 THEN '+31 6 ' || (10000000 + r % 90000000) END AS mobilePhone,
    'E' || (1000000 + n) AS employeeId,
    CASE WHEN r % 17 = 0 THEN 'Contractor' ELSE 'Employee' END AS employeeType,
    {division: 'Contoso Group', costCenter: 'CC' || (100 + r % 12)} AS employeeOrgData,
    [{disabledPlans: []::VARCHAR[], skuId: $licence}] AS assignedLicenses,
    {userPurpose: 'user'} AS mailboxSettings,
    true AS showInAddressList,
    CASE WHEN above <> id THEN above END AS manager
FROM identified
ORDER BY n
