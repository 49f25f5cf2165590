-- in:  verdicts; $key
-- out: verdict, signals, overridden_by of one account
SELECT verdict, signals, overridden_by
FROM verdicts
WHERE key = $key
