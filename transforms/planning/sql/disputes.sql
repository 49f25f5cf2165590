-- Users whose profile cannot be told, and why; one row per user.
-- in:  confirmed_links, external_hits, hits, users, gone_numbers(source_id, number)
-- out: source_id, reason_code, profile_id (the one disputed, of several the first), other (the other user's key)
WITH disputes AS (
    SELECT source_id, 'hand_contested' AS reason_code, profile_id, NULL AS other FROM confirmed_links WHERE rivals > 1
    UNION ALL
    SELECT
        source_id, CASE WHEN choices > 1 THEN 'several_profiles' ELSE 'profile_taken' END, profile_id, taken_by
    FROM external_hits
    WHERE choices > 1 OR taken_by IS NOT NULL
    UNION ALL
    SELECT
        h.source_id,
        CASE
            WHEN h.choices > 1 THEN 'several_profiles'
            WHEN h.taken_by IS NOT NULL AND g.number = u.number THEN 'probably_rehired'
            WHEN h.taken_by IS NOT NULL THEN 'profile_taken'
            WHEN h.named IS NOT NULL AND n.number = u.number THEN 'probably_rehired'
            WHEN h.named IS NOT NULL THEN 'external_id_of_another'
            ELSE 'profile_contested'
        END,
        h.profile_id,
        coalesce(h.taken_by, h.named, (SELECT min(r.source_id) FROM hits r
            WHERE r.profile_id = h.profile_id AND r.source_id <> h.source_id))
    FROM hits h
    JOIN users u USING (source_id)
    LEFT JOIN gone_numbers g ON g.source_id = h.taken_by
    LEFT JOIN gone_numbers n ON n.source_id = h.named
    WHERE h.choices > 1 OR h.taken_by IS NOT NULL OR h.named IS NOT NULL OR h.rivals > 1
)
SELECT
    source_id, min(reason_code) AS reason_code, min(profile_id) AS profile_id, min(other) AS other
FROM disputes
GROUP BY source_id
