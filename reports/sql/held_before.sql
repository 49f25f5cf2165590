-- In:  decisions of an earlier run (parameter path), waiting (key)
-- Out: keys of waiting that were held then
SELECT w.key
FROM waiting AS w
SEMI JOIN (SELECT key FROM read_parquet($path) WHERE decision = 'hold') AS d ON d.key = w.key
