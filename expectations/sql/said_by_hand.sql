-- in:  users (id, groups), accounts (key, upn), rules (rule, says, kind, pattern, rank)
-- out: key, says (never or always), rule: the one rule that counts for each user some rule names
--      (an id counts before a user name, that before a group; always before never)
WITH met AS (
    SELECT users.id AS key, rules.*
    FROM rules
    INNER JOIN users ON lower(users.id) = rules.pattern
    WHERE rules.kind = 'id'
    UNION ALL
    SELECT accounts.key, rules.*
    FROM rules
    INNER JOIN accounts ON accounts.upn LIKE rules.pattern ESCAPE '\'
    WHERE rules.kind = 'upn'
    UNION ALL
    SELECT members.key, rules.*
    FROM rules
    INNER JOIN (SELECT id AS key, unnest(groups) AS name FROM users) AS members ON members.name = rules.pattern
    WHERE rules.kind = 'group'
)

SELECT key, arg_min(says, (rank, says)) AS says, arg_min(rule, (rank, says, rule)) AS rule
FROM met
GROUP BY key
