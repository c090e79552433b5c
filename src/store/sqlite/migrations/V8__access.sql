-- Keys and links of the API, and who did what with them.

CREATE TABLE access_keys (
    -- The number in its id, as a signed one.
    id INTEGER PRIMARY KEY,
    -- 0 a key, 1 a link.
    kind INTEGER NOT NULL,
    -- Null: all tenants.
    tenant TEXT,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    rate_limit TEXT,
    -- SHA-256 of its secret, which is not stored.
    hash BLOB NOT NULL,
    -- The key that made it; a link does not outlive it.
    made_by INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX access_keys_tenant ON access_keys (tenant, created_at, id);
-- Links are many and short-lived.
CREATE INDEX access_keys_links ON access_keys (expires_at) WHERE kind = 1;

CREATE TABLE audit (
    row INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    -- Null: the whole node.
    tenant TEXT,
    -- `key_…`, `operator` or `anybody`.
    actor TEXT NOT NULL,
    -- What it needed for it, such as `webhooks:write`.
    permission TEXT NOT NULL,
    -- Method and path of the call.
    call TEXT NOT NULL,
    -- The status of the answer.
    status INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant, row);
CREATE INDEX audit_at ON audit (at);
