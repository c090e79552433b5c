-- Endpoints that tenants make by API. What is said of one is JSON; beside it stands only what lists are filtered by.
CREATE TABLE own_endpoints (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- The API of another system that it was made by, and what it is found by there.
    dialect TEXT,
    dialect_key TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    definition TEXT NOT NULL,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX own_endpoints_tenant ON own_endpoints (tenant);
CREATE INDEX own_endpoints_name ON own_endpoints (tenant, name);
CREATE INDEX own_endpoints_dialect ON own_endpoints (tenant, dialect, dialect_key) WHERE dialect IS NOT NULL;

-- The event types of each, `*` too.
CREATE TABLE own_endpoint_events (
    tenant INTEGER NOT NULL,
    event TEXT NOT NULL,
    endpoint INTEGER NOT NULL,
    PRIMARY KEY (tenant, event, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX own_endpoint_events_endpoint ON own_endpoint_events (endpoint);

-- Lanes of deleted endpoints whose deliveries are not all settled yet.
CREATE TABLE gone_lanes (
    lane INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
