-- The users as read, each with the manager asked for by id.
-- Relations in: users_read (id, manager, …), managers_told (id, manager).
-- Rows out: those of users_read, columns in its order.
SELECT users_read.* REPLACE (managers_told.manager AS manager)
FROM users_read
LEFT JOIN managers_told ON managers_told.id = users_read.id
