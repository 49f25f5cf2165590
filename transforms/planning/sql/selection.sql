-- Who each --only names; case does not matter, but for keys.
-- in:  wished(wish), persons, users
-- out: wish, key
SELECT w.wish, p.key FROM wished w JOIN persons p ON p.key = w.wish
UNION
SELECT w.wish, p.key FROM wished w JOIN persons p ON p.profile_id IS NOT NULL AND 'profile:' || p.profile_id = w.wish
UNION
SELECT w.wish, u.source_id FROM wished w JOIN users u ON lower(u.user_name) = lower(w.wish)
UNION
SELECT w.wish, u.source_id FROM wished w JOIN users u ON lower(u.mail) = lower(w.wish)
UNION
SELECT w.wish, p.key FROM wished w JOIN persons p ON lower(p.user_name) = lower(w.wish)
