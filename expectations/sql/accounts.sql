-- in:  users (source.parquet with every column the verdict may look at; what was not read is null)
-- out: accounts: one row per user, names folded, what the tenant as a whole does beside each (house_*)
CREATE OR REPLACE TEMP TABLE accounts AS
WITH folded AS (
    SELECT
        id AS key,
        fold_text(userPrincipalName) AS upn,
        fold_text(split_part(coalesce(userPrincipalName, mail, ''), '@', 1)) AS local_full,
        fold_text(split_part(userPrincipalName, '@', -1)) AS domain,
        fold_text(mailNickname) AS nickname,
        bare(fold_text(displayName)) AS display,
        bare(fold_text(givenName)) AS given,
        bare(fold_text(surname)) AS family,
        -- Systems that know ASCII only drop the letters they do not know: Nađa is naa there.
        bare(regexp_replace(lower(nfc_normalize(coalesce(givenName, ''))), '[^\x00-\x7F]', '', 'g')) AS given_less,
        bare(regexp_replace(lower(nfc_normalize(coalesce(surname, ''))), '[^\x00-\x7F]', '', 'g')) AS family_less,
        regexp_replace(coalesce(displayName, ''), '(\p{Ll})(\p{Lu})', '\1 \2', 'g') AS display_split,
        lower(userType) AS user_type,
        lower(userPurpose) AS purpose,
        externalUserState AS external_state,
        accountEnabled AS enabled,
        nullif(bare(employeeId), '') AS employee_id,
        nullif(bare(fold_text(employeeType)), '') AS employee_type,
        nullif(bare(fold_text(jobTitle)), '') AS job_title,
        nullif(bare(fold_text(department)), '') AS department,
        manager,
        assignedLicensesCount AS licenses,
        showInAddressList AS listed,
        isResourceAccount AS resource_account,
        array_to_string(regexp_extract_all(fold_text(onPremisesDistinguishedName), 'ou=([^,]+)', 1), ', ') AS units,
        nullif(bare(mobilePhone), '') IS NOT NULL AS has_mobile,
        lastSignInDateTime IS NULL AND lastNonInteractiveSignInDateTime IS NOT NULL AS only_machine_sign_ins
    FROM users
),

house AS (
    SELECT
        avg((employee_id IS NOT NULL)::INT) AS house_employee_id,
        avg((coalesce(licenses, 0) > 0)::INT) AS house_licensed,
        avg((manager IS NOT NULL)::INT) AS house_managed,
        avg((domain LIKE '%onmicrosoft.com')::INT) AS house_cloud_domain,
        avg((coalesce(job_title, department) IS NOT NULL)::INT) AS house_placed
    FROM folded
),

leaders AS (
    SELECT manager AS key, count(*) AS reports
    FROM folded
    WHERE manager IS NOT NULL AND manager <> key
    GROUP BY manager
)

SELECT
    folded.* EXCLUDE (local_full),
    CASE WHEN contains(local_full, '#ext#') THEN regexp_replace(local_full, '#ext#.*$', '') ELSE local_full END AS local,
    contains(local_full, '#ext#') AS is_invited_name,
    coalesce(leaders.reports, 0) AS reports,
    house.*
FROM folded
CROSS JOIN house
LEFT JOIN leaders ON leaders.key = folded.key
