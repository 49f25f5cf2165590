-- In:  attribute, a SCIM path
-- Out: is_department(attribute): whether it is the department
CREATE OR REPLACE TEMP MACRO is_department(attribute) AS regexp_matches(attribute, '(?i)(^|[:.])department$')
