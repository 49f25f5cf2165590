-- in:  accounts, thing_names, thing_words (word, kind, token, edge, whole: how strongly it speaks anywhere, at an edge, alone)
-- out: marks: what speaks for an account being a thing (key, kind, field, word, strength); one per field and kind
CREATE OR REPLACE TEMP TABLE marks AS
WITH said AS (
    SELECT key, 'user name' AS field, local AS text FROM accounts WHERE local <> ''
    UNION ALL
    SELECT key, 'mail nickname', nickname FROM accounts WHERE nickname <> '' AND nickname <> local
    UNION ALL
    SELECT key, 'display name', fold_text(display_split) FROM accounts WHERE display <> ''
),

texts AS (
    SELECT key, field, text, words_of(text) AS words
    FROM (
        SELECT
            key,
            field,
            CASE
                WHEN field = 'display name' AND (contains(text, 'glass') OR contains(text, 'reply'))
                    THEN regexp_replace(
                        regexp_replace(text, 'break[ _-]*glass', 'breakglass', 'g'),
                        '(no|do[ _-]*not)[ _-]*reply', 'noreply', 'g'
                    )
                ELSE text
            END AS text
        FROM said
    )
),

spoken AS (
    SELECT key, field, text, words, unnest(words) AS word
    FROM texts
),

hits AS (
    SELECT
        spoken.key,
        spoken.field,
        spoken.word,
        thing_words.kind,
        CASE
            WHEN spoken.field = 'display name' THEN thing_words.token
            WHEN regexp_matches(spoken.text, '^' || spoken.word || CASE WHEN len(spoken.word) <= 2 THEN '[-_]' ELSE '[-_.0-9]' END)
                THEN thing_words.edge
            WHEN len(spoken.word) > 2 AND regexp_matches(spoken.text, '[-_.]' || spoken.word || '[0-9]*$') THEN thing_words.edge
            ELSE thing_words.token
        END AS strength,
        array_to_string(spoken.words, '') = spoken.word AS is_all
    FROM spoken
    INNER JOIN thing_words ON thing_words.word = spoken.word
    WHERE thing_words.kind <> 'neutral'

    UNION ALL

    SELECT texts.key, texts.field, thing_words.word, thing_words.kind, thing_words.whole, TRUE
    FROM texts
    INNER JOIN thing_words ON thing_words.word = array_to_string(texts.words, '')
    WHERE thing_words.kind <> 'neutral'
),

explained AS (
    SELECT
        hits.* REPLACE (
            CASE
                WHEN hits.field = 'display name'
                    AND hits.kind NOT IN ('admin_or_break_glass', 'test_account')
                    AND accounts.given <> '' AND thing_given.part IS NULL AND contains(accounts.display, accounts.given)
                    AND accounts.family <> '' AND thing_family.part IS NULL AND contains(accounts.display, accounts.family)
                    THEN least(hits.strength, 1)
                ELSE hits.strength
            END AS strength
        ),
        CASE
            WHEN coalesce(thing_given.part, accounts.given) = '' OR coalesce(thing_family.part, accounts.family) = '' THEN FALSE
            -- A.Larm, h.r, bot: what is left of a person's own names written together, or of an initial and a name.
            WHEN thing_given.part IS NULL AND thing_family.part IS NULL AND hits.is_all
                AND (
                    starts_with(letters_of(accounts.given) || letters_of(accounts.family), hits.word)
                    OR starts_with(letters_of(accounts.family) || letters_of(accounts.given), hits.word)
                    OR starts_with(left(accounts.given, 1) || letters_of(accounts.family), hits.word)
                )
                THEN TRUE
            -- naa, mnica: a person's own name less the letters a system did not know.
            WHEN thing_given.part IS NULL AND thing_family.part IS NULL AND hits.field <> 'display name'
                AND (
                    (accounts.given_less <> accounts.given AND list_contains(words_of(accounts.given_less), hits.word))
                    OR (accounts.family_less <> accounts.family AND list_contains(words_of(accounts.family_less), hits.word))
                )
                THEN TRUE
            WHEN thing_given.part IS NULL AND list_contains(words_of(accounts.family), hits.word) THEN TRUE
            WHEN thing_family.part IS NULL AND list_contains(words_of(accounts.given), hits.word) THEN TRUE
            ELSE FALSE
        END AS is_own_name
    FROM hits
    INNER JOIN accounts ON accounts.key = hits.key
    LEFT JOIN thing_names AS thing_given ON thing_given.part = accounts.given
    LEFT JOIN thing_names AS thing_family ON thing_family.part = accounts.family
),

declared_texts AS (
    SELECT DISTINCT 'organisational unit' AS field, units AS text FROM accounts WHERE units <> ''
    UNION ALL
    SELECT DISTINCT 'employee type', employee_type FROM accounts WHERE employee_type IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'job title', job_title FROM accounts WHERE job_title IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'department', department FROM accounts WHERE department IS NOT NULL
),

declared_kinds AS (
    SELECT
        field,
        text,
        CASE
            WHEN text = 'microsoft communication application instance' THEN 'service_account'
            -- Who works on printers or attends to rooms is neither a printer nor a room.
            WHEN field = 'job title'
                AND regexp_matches(text, 'engineer|ingen|manag|operat|techni|tecnic|mechan|mecan|sales|vend|vertrieb|special|spezial|consult|berat|leit|lead|head|chef|direct|direkt|respons|assist|asist|analy|coord|koord|support|custom|client|kunden|train|buyer|host|steward|attend|clean|housekeep|recepcion|reception|supervis|officer|referent|sachbearb|nurse|account execut|agent|develop|programm|architec|architekt|controller|worker|mitarbeit|angestellt|employee|zustand|beauftrag|azubi|intern\b')
                AND NOT regexp_matches(text, '\b(accounts?|users?|konten|konto|comptes?|cuentas?|mailbox(es)?)$')
                THEN NULL
            WHEN field IN ('organisational unit', 'employee type') AND regexp_matches(text, '\b(test|dummy|demo)\b') THEN 'test_account'
            WHEN regexp_matches(text, '\b(service|svc|system|technical|functional|application)[ _-]*(accounts?|users?|konten|ids?|principals?)\b|dienst(konto|konten)|funktions?(konto|konten)|system(konto|konten)|\bnon[ _-]?human\b|compte[s]? de service|cuenta[s]? de servicio')
                THEN 'service_account'
            WHEN regexp_matches(text, '\b(shared|group|function(al)?)[ _-]*(mail)?box(es)?\b|shared[ _-]*mail|postf(ach|acher)\b|boites? partagees?|\bmailboxes\b')
                THEN 'shared_mailbox'
            WHEN regexp_matches(text, '\b(meeting|conference|conf)[ _-]*rooms?\b|\brooms?\b|\b(besprechungs|konferenz)?raume?\b|\bequipment\b|\bresource (mailbox(es)?|accounts?)\b|\bresources\b|salles? de reunion|salas? de reuniones')
                AND NOT regexp_matches(text, 'human resources|engineer|manager|operator|control')
                THEN 'room_or_equipment'
            WHEN regexp_matches(text, '\b(printers?|mfps?|mfds?|copiers?|scanners?|drucker|imprimantes?|impresoras?|devices)\b')
                AND NOT regexp_matches(text, 'engineer|manager|operator|technician|techniker|sales|medical')
                THEN 'printer_or_device'
            WHEN regexp_matches(text, '\b(break[ _-]*glass|emergency access|privileged|tier[ _-]?[01]|admin(istrative|istrator)? (accounts?|users?)|admins|adminkonten|global admin(istrator)?)\b')
                THEN 'admin_or_break_glass'
            WHEN field = 'organisational unit' AND regexp_matches(text, '\b(kiosks?|service|svc)\b') AND NOT regexp_matches(text, 'customer|field|client|kunden')
                THEN 'service_account'
            WHEN field = 'employee type' AND regexp_matches(text, '^(service|system|bot|robot|functional|generic|application|technical|nonperson|non-person|kiosk)$')
                THEN 'service_account'
            WHEN field = 'employee type' AND regexp_matches(text, '^(shared|mailbox|functional mailbox)$') THEN 'shared_mailbox'
            WHEN field = 'employee type' AND regexp_matches(text, '^(resource|device)$') THEN 'room_or_equipment'
            WHEN field = 'employee type' AND regexp_matches(text, '^(admin|administrator)$') THEN 'admin_or_break_glass'
        END AS kind,
        CASE
            WHEN text = 'microsoft communication application instance' THEN 9
            WHEN field IN ('organisational unit', 'employee type') THEN 4
            WHEN field = 'job title' THEN 3
            ELSE 2
        END AS strength
    FROM declared_texts
),

declared AS (
    SELECT accounts.key, declared_kinds.kind, declared_kinds.field, declared_kinds.text AS word, declared_kinds.strength
    FROM declared_kinds
    INNER JOIN accounts
        ON declared_kinds.text = CASE declared_kinds.field
            WHEN 'organisational unit' THEN accounts.units
            WHEN 'employee type' THEN accounts.employee_type
            WHEN 'job title' THEN accounts.job_title
            ELSE accounts.department
        END
    WHERE declared_kinds.kind IS NOT NULL
),

known AS (
    SELECT key, 'service_account' AS kind, 'user name' AS field, 'a name that Microsoft gives to system accounts' AS word, 20 AS strength
    FROM accounts
    WHERE regexp_matches(local, '^(healthmailbox|systemmailbox|discoverysearchmailbox|federatedemail|migration\.[0-9a-f]{8}|sync_.+_[0-9a-f]{6,}$|adtoaadsync|msol_[0-9a-f]{6,}|extest_|sm_[0-9a-f]{10,})')
    UNION ALL
    SELECT
        key,
        CASE purpose WHEN 'shared' THEN 'shared_mailbox' ELSE 'room_or_equipment' END,
        'mailbox purpose',
        purpose,
        20
    FROM accounts
    WHERE purpose IN ('shared', 'room', 'equipment')
    UNION ALL
    SELECT key, 'service_account', 'resource account', 'isResourceAccount', 20
    FROM accounts
    WHERE resource_account
    UNION ALL
    SELECT key, 'service_account', 'sign-ins', 'only machines have ever signed in with it', 2
    FROM accounts
    WHERE only_machine_sign_ins
),

every AS (
    SELECT key, kind, field, word, strength, FALSE AS is_own_name FROM declared
    UNION ALL
    SELECT key, kind, field, word, strength, FALSE FROM known
    UNION ALL
    SELECT key, kind, field, word, strength, is_own_name FROM explained WHERE strength > 0
)

SELECT
    key,
    kind,
    field,
    arg_max(word, CASE WHEN is_own_name THEN 0 ELSE strength END) AS word,
    max(CASE WHEN is_own_name THEN 0 ELSE strength END)
    + (count(DISTINCT word) FILTER (WHERE NOT is_own_name) > 1)::INT AS strength,
    bool_or(is_own_name) AS is_own_name
FROM every
GROUP BY key, kind, field
