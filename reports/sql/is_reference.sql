-- In:  attribute, a SCIM path
-- Out: is_reference(attribute): whether its value is a person's key
CREATE OR REPLACE TEMP MACRO is_reference(attribute) AS
    regexp_matches(attribute, '(?i)(^|[:.])manager(\.value)?$')
