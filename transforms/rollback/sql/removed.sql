-- People whose profile was there before the runs that are taken back, and was deleted by one of them.
-- in:  lifecycle(key, first_op, removed_age)
-- out: key, age (of the run that deleted it; 0 for the newest)
SELECT key, removed_age AS age FROM lifecycle WHERE first_op = 'delete'
