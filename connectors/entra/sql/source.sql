-- One row per user with everything that does not come with the user itself.
-- Relations in: users_read (id, …, seq), assignments, roles, memberships, group_names, scope_groups, purposes, kind,
-- and the macro within(id): only these users are told of.
-- Rows out: the columns of users_read but seq; assigned, assigned_by, groups, appRoleAssignments, userPurpose.
WITH sliced AS (
    SELECT * FROM users_read WHERE within(id)
),
repeated AS (
    SELECT id, max(seq) AS last_seq
    FROM sliced
    GROUP BY id
    HAVING count(*) > 1
),
ways AS (
    SELECT principalId AS id, 'direct' AS way, appRoleId AS role_id
    FROM assignments
    WHERE principalType = 'User' AND within(principalId)
    UNION ALL
    SELECT memberships.id, 'group:' || memberships.group_id, assignments.appRoleId
    FROM assignments
    JOIN memberships ON memberships.group_id = assignments.principalId
    WHERE assignments.principalType = 'Group' AND within(memberships.id)
),
scoped AS (
    SELECT id, way FROM ways WHERE (SELECT scope FROM kind) = 'assigned'
    UNION ALL
    SELECT id, 'group:' || group_id FROM memberships SEMI JOIN scope_groups USING (group_id) WHERE within(id)
),
in_scope AS (
    SELECT id, list(DISTINCT way ORDER BY way) AS assigned_by
    FROM scoped
    GROUP BY id
),
named AS (
    SELECT memberships.id, list(DISTINCT group_names.name ORDER BY group_names.name) AS names
    FROM memberships
    JOIN group_names USING (group_id)
    WHERE within(memberships.id)
    GROUP BY memberships.id
),
granted AS (
    SELECT
        ways.id,
        list(
            DISTINCT {'id': ways.role_id, 'value': roles.value, 'displayName': roles.displayName}
            ORDER BY {'id': ways.role_id, 'value': roles.value, 'displayName': roles.displayName}
        ) AS role_list
    FROM ways
    LEFT JOIN roles ON roles.id = ways.role_id
    GROUP BY ways.id
),
besides AS (
    SELECT id, in_scope.assigned_by, named.names, granted.role_list, purposes.purpose
    FROM in_scope
    FULL JOIN named USING (id)
    FULL JOIN granted USING (id)
    FULL JOIN purposes USING (id)
)
SELECT
    sliced.* EXCLUDE (seq),
    CASE (SELECT scope FROM kind)
        WHEN 'all' THEN NULL
        WHEN 'file' THEN TRUE
        ELSE besides.assigned_by IS NOT NULL
    END AS assigned,
    CASE (SELECT scope FROM kind)
        WHEN 'all' THEN NULL
        WHEN 'file' THEN ['file']
        ELSE coalesce(besides.assigned_by, CAST([] AS VARCHAR[]))
    END AS assigned_by,
    coalesce(besides.names, CAST([] AS VARCHAR[])) AS groups,
    coalesce(besides.role_list, CAST([] AS STRUCT(id VARCHAR, value VARCHAR, displayName VARCHAR)[])) AS appRoleAssignments,
    besides.purpose AS userPurpose
FROM sliced
LEFT JOIN besides ON besides.id = sliced.id
ANTI JOIN repeated ON repeated.id = sliced.id AND repeated.last_seq <> sliced.seq
