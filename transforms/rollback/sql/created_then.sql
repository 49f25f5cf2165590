-- People whose profile the runs that are taken back created: there is no value before them to restore.
-- in:  lifecycle(key, first_op)
-- out: key
SELECT key FROM lifecycle WHERE first_op = 'create'
