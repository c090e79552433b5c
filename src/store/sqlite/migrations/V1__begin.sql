-- Times are milliseconds since 1970 in UTC; ids are 16 bytes; `row` is the order of commit.

CREATE TABLE tenants (
    row INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- The last number given to a save of this tenant.
    sequence INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE endpoints (
    row INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE objects (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX objects_id ON objects (tenant, model, id);

-- `ready` webhooks that are used up for an object.
CREATE TABLE marks (
    tenant INTEGER NOT NULL,
    event TEXT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (tenant, event, object)
) STRICT, WITHOUT ROWID;

-- Firings that wait for a related object to arrive.
CREATE TABLE waits (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    event TEXT NOT NULL,
    model TEXT NOT NULL,
    object TEXT NOT NULL,
    operation TEXT NOT NULL,
    for_model TEXT NOT NULL,
    for_id TEXT NOT NULL,
    previous_id TEXT,
    previous_sequence INTEGER,
    previous_updated_at TEXT,
    previous_json TEXT
) STRICT;
CREATE UNIQUE INDEX waits_firing ON waits (tenant, event, object);
CREATE INDEX waits_for ON waits (tenant, for_model, for_id);

CREATE TABLE traces (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    model TEXT NOT NULL,
    object TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    decisions TEXT NOT NULL
) STRICT;
CREATE INDEX traces_object ON traces (tenant, model, object);

CREATE TABLE messages (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    tenant INTEGER NOT NULL,
    event TEXT NOT NULL,
    model TEXT NOT NULL,
    object TEXT NOT NULL,
    operation TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- The default body, once for all its deliveries.
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX messages_tenant ON messages (tenant);
CREATE INDEX messages_object ON messages (tenant, model, object);

-- The queue: small rows. state: 0 pending, 1 sending, 2 delivered, 3 diverted.
-- The row is that of the message with the delivery's number in the last 20 bits, as the id is: the deliveries of a message are found by
-- a range of rows, and a delivery by its message, without an index for either.
CREATE TABLE deliveries (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    -- Of an ordered one: what it is about.
    model TEXT,
    object TEXT,
    ordered INTEGER NOT NULL,
    -- Ordered, and an earlier delivery of the same endpoint and object is not settled.
    blocked INTEGER NOT NULL,
    state INTEGER NOT NULL,
    -- Not before; of one that is sending, the end of its lease; of one that is settled 0.
    due_at INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    spent INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    reason TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    -- The request, as rendered. Its body is the message's payload unless it has one of its own.
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    content_type TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (endpoint, due_at) WHERE state < 2 AND blocked = 0;
CREATE INDEX deliveries_lane ON deliveries (endpoint, tenant, model, object) WHERE state < 2 AND ordered = 1;
CREATE INDEX deliveries_diverted ON deliveries (tenant) WHERE state = 3;

-- Bodies of deliveries whose template makes one of its own.
CREATE TABLE bodies (
    delivery INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    response_headers TEXT,
    response_body BLOB,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    material BLOB NOT NULL
) STRICT, WITHOUT ROWID;
