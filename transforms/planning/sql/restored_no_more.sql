-- A profile that was taken away again stays so only while everything the source says of the person is the same.
-- in:  desired_now, desired_then (key, attribute, value)
-- out: rows taken from restored
DELETE FROM restored
WHERE attribute IS NULL AND key IN (
    SELECT n.key
    FROM desired_now n
    JOIN desired_then t ON t.key = n.key AND t.attribute = n.attribute
    WHERE n.value IS DISTINCT FROM t.value
)
