-- Who had a manager, is still there, and came without one.
-- Relations in: managers_before (id, manager), users_read (id, manager). Parameter: most, how many at most.
-- Rows out: id.
SELECT managers_before.id
FROM managers_before
WHERE managers_before.manager IS NOT NULL
    AND managers_before.id IN (SELECT id FROM users_read)
    AND managers_before.id NOT IN (SELECT id FROM users_read WHERE manager IS NOT NULL)
ORDER BY hash(managers_before.id), managers_before.id
LIMIT $most
