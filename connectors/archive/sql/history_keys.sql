-- Everything one person was ever called in the archive.
-- In:  decisions, mails (key, mail), $name.
-- Out: person (key): the keys under which runs know the person called $name: object id, user name, e-mail or
--      profile:ID, and the keys of the same profile before and after it was linked.
CREATE TABLE person AS
WITH called AS (
    SELECT key, profile_id
    FROM decisions
    WHERE key = $name OR source_id = $name OR 'profile:' || profile_id = $name OR lower(user_name) = lower($name)
    UNION
    SELECT mails.key, decisions.profile_id
    FROM mails
    JOIN decisions ON decisions.key = mails.key
    WHERE lower(mails.mail) = lower($name)
)

SELECT key FROM called
UNION
SELECT 'profile:' || profile_id FROM called WHERE profile_id IS NOT NULL
UNION
SELECT decisions.key FROM decisions JOIN called ON decisions.profile_id = called.profile_id;
