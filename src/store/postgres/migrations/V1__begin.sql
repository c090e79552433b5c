-- Times are milliseconds since 1970 in UTC; ids are 16 bytes. What belongs to a tenant has its row first in every key. `row` of a message,
-- a trace or a wait is counted in the tenant's own row, so it is the order of commit.

CREATE TABLE tenants (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    -- The last number given to a save of this tenant.
    sequence bigint NOT NULL DEFAULT 0,
    -- The last row given to a message, a trace or the like.
    counter bigint NOT NULL DEFAULT 0,
    -- How many firings wait.
    waits bigint NOT NULL DEFAULT 0,
    -- The greatest sequence of a message that retention has removed: marks up to it may have lost their message.
    pruned_through bigint NOT NULL DEFAULT 0,
    -- Counts the removals of decision tables, so that nobody remembers one that is gone.
    tables_version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The lanes: an endpoint of one tenant that something was ever made for.
CREATE TABLE endpoints (
    row bigint GENERATED ALWAYS AS IDENTITY,
    tenant bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- When and why it was suspended: what is made for it is kept, and nothing is sent.
    suspended_at bigint,
    suspended_why text,
    -- Whether its alert endpoint has been told of trouble that is not over.
    alerted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, row),
    UNIQUE (tenant, name)
);
CREATE INDEX endpoints_row ON endpoints (row);

CREATE TABLE objects (
    tenant bigint NOT NULL,
    model text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    updated_at text NOT NULL,
    json text NOT NULL,
    PRIMARY KEY (tenant, model, id)
);

-- `ready` webhooks that are used up for an object, and by which save.
CREATE TABLE marks (
    tenant bigint NOT NULL,
    event text COLLATE "C" NOT NULL,
    object text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (tenant, event, object)
);

-- Firings that wait for a related object to arrive.
CREATE TABLE waits (
    tenant bigint NOT NULL,
    event text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    object text COLLATE "C" NOT NULL,
    operation text NOT NULL,
    for_model text COLLATE "C" NOT NULL,
    for_id text COLLATE "C" NOT NULL,
    previous_id text,
    previous_sequence bigint,
    previous_updated_at text,
    previous_json text,
    row bigint NOT NULL,
    PRIMARY KEY (tenant, event, object)
);
CREATE INDEX waits_for ON waits (tenant, for_model, for_id, row);
CREATE INDEX waits_object ON waits (tenant, model, object);
CREATE INDEX waits_row ON waits (tenant, row);

-- What the webhooks of a model ask, once for all saves that were decided by it: a trace says only what was seen.
CREATE TABLE decision_tables (
    tenant bigint NOT NULL,
    row bigint NOT NULL,
    hash bigint NOT NULL,
    json text NOT NULL,
    PRIMARY KEY (tenant, row)
);
CREATE INDEX decision_tables_hash ON decision_tables (tenant, hash);

CREATE TABLE traces (
    tenant bigint NOT NULL,
    row bigint NOT NULL,
    model text COLLATE "C" NOT NULL,
    object text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    at bigint NOT NULL,
    operation text NOT NULL,
    decisions text NOT NULL,
    -- Null for a trace that says everything itself.
    decision_table bigint,
    program bigint,
    PRIMARY KEY (tenant, row)
);
CREATE INDEX traces_object ON traces (tenant, model, object, row);

CREATE TABLE messages (
    tenant bigint NOT NULL,
    row bigint NOT NULL,
    id uuid NOT NULL,
    event text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    object text COLLATE "C" NOT NULL,
    operation text NOT NULL,
    sequence bigint NOT NULL,
    created_at bigint NOT NULL,
    -- The default body, once for all its deliveries.
    payload bytea NOT NULL,
    PRIMARY KEY (tenant, row)
);
CREATE UNIQUE INDEX messages_id ON messages (tenant, id);
CREATE INDEX messages_object ON messages (tenant, model, object, created_at, row);
CREATE INDEX messages_time ON messages (tenant, created_at, row);

-- The queue: small rows. state: 0 pending, 1 sending, 2 delivered, 3 diverted, 4 failed.
-- The row is that of the message with the delivery's number in the last 20 bits, as the id is.
CREATE TABLE deliveries (
    tenant bigint NOT NULL,
    row bigint NOT NULL,
    endpoint bigint NOT NULL,
    -- Of an ordered one: what it is about, and the number of the lock for changes of that order.
    model text COLLATE "C",
    object text COLLATE "C",
    bucket integer,
    -- Ordered, and an earlier delivery of the same endpoint and object is not settled.
    blocked boolean NOT NULL,
    state smallint NOT NULL,
    -- Not before; of one that is sending, the end of its lease; of one that is settled 0.
    due_at bigint NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    -- Of one that is sending: the node.
    node bigint,
    attempts bigint NOT NULL DEFAULT 0,
    spent bigint NOT NULL DEFAULT 0,
    last_status integer,
    reason text,
    created_at bigint NOT NULL,
    settled_at bigint,
    -- The request, as rendered. Its body is the message's payload unless it has one of its own.
    method text NOT NULL,
    url text NOT NULL,
    headers text NOT NULL,
    content_type text,
    PRIMARY KEY (tenant, row)
);
CREATE INDEX deliveries_due ON deliveries (tenant, endpoint, due_at, row) WHERE state < 2 AND NOT blocked;
CREATE INDEX deliveries_order ON deliveries (tenant, endpoint, model, object, row) WHERE state < 2 AND bucket IS NOT NULL;
CREATE INDEX deliveries_given_up ON deliveries (tenant, created_at, row) WHERE state > 2;
CREATE INDEX deliveries_endpoint ON deliveries (tenant, endpoint, created_at, row);

-- Bodies of deliveries whose template makes one of its own.
CREATE TABLE bodies (
    tenant bigint NOT NULL,
    delivery bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant, delivery)
);

CREATE TABLE attempts (
    tenant bigint NOT NULL,
    delivery bigint NOT NULL,
    number bigint NOT NULL,
    started_at bigint NOT NULL,
    -- Microseconds; null: the step was not taken.
    took_us bigint NOT NULL,
    resolve_us bigint,
    connect_us bigint,
    tls_us bigint,
    first_byte_us bigint,
    reused boolean NOT NULL,
    status integer,
    error text,
    response_headers text,
    response_body bytea,
    signature text,
    PRIMARY KEY (tenant, delivery, number)
);

-- Key material, encrypted with a key that is not in the store.
CREATE TABLE keys (
    name text COLLATE "C" PRIMARY KEY,
    material bytea NOT NULL
);
CREATE TABLE retired_keys (
    name text COLLATE "C" NOT NULL,
    until bigint NOT NULL,
    material bytea NOT NULL,
    PRIMARY KEY (name, until, material)
);

-- What was answered to requests with an `Idempotency-Key`.
CREATE TABLE receipts (
    tenant text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    at bigint NOT NULL,
    -- The node by which it is under way.
    node bigint,
    -- Null while the request is under way.
    status integer,
    content_type text,
    body bytea,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX receipts_at ON receipts (at);

-- Endpoints that tenants make by API.
CREATE TABLE own_endpoints (
    tenant bigint NOT NULL,
    row bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL,
    -- Event types, `*` too.
    events text[] COLLATE "C" NOT NULL,
    dialect text COLLATE "C",
    dialect_key text COLLATE "C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    definition text NOT NULL,
    PRIMARY KEY (tenant, row),
    UNIQUE (tenant, id)
);
CREATE INDEX own_endpoints_row ON own_endpoints (row);
CREATE INDEX own_endpoints_name ON own_endpoints (tenant, name);
CREATE INDEX own_endpoints_events ON own_endpoints USING gin (events);
CREATE INDEX own_endpoints_dialect ON own_endpoints (tenant, dialect, dialect_key) WHERE dialect IS NOT NULL;

-- Lanes of deleted endpoints whose deliveries are not all settled yet.
CREATE TABLE gone_lanes (
    tenant bigint NOT NULL,
    lane bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (tenant, lane)
);

CREATE TABLE access_keys (
    -- The number in its id, as a signed one.
    id bigint PRIMARY KEY,
    -- 0 a key, 1 a link.
    kind smallint NOT NULL,
    -- Null: all tenants.
    tenant text COLLATE "C",
    name text NOT NULL,
    permissions text NOT NULL,
    rate_limit text,
    -- SHA-256 of its secret, which is not stored.
    hash bytea NOT NULL,
    -- The key that made it; a link does not outlive it.
    made_by bigint,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint
);
CREATE INDEX access_keys_tenant ON access_keys (tenant, created_at, id);
CREATE INDEX access_keys_links ON access_keys (expires_at) WHERE kind = 1;

CREATE TABLE audit (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    -- Null: the whole node.
    tenant text COLLATE "C",
    actor text NOT NULL,
    permission text NOT NULL,
    call text NOT NULL,
    status integer NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant, row);
CREATE INDEX audit_at ON audit (at);

-- That a browser has shown a key. What the browser keeps is found by its SHA-256, and not stored.
CREATE TABLE sessions (
    hash bytea PRIMARY KEY,
    -- The key or link, as in `access_keys`.
    key bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX sessions_end ON sessions (expires_at);

-- Deliveries of a tenant that are sent again, the oldest first, at a rate.
CREATE TABLE resends (
    tenant bigint NOT NULL,
    row bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    -- Who asked for it.
    actor text NOT NULL,
    -- Which deliveries, as JSON.
    filter text NOT NULL,
    rate text NOT NULL,
    -- How many there were when it began.
    matched bigint NOT NULL,
    resent bigint NOT NULL DEFAULT 0,
    -- 0 running, 1 done, 2 stopped.
    state smallint NOT NULL DEFAULT 0,
    -- The delivery that was looked at last: when it was made, its row, and of the last one that was sent again its id.
    cursor_at bigint NOT NULL,
    cursor_row bigint NOT NULL,
    last uuid,
    -- The first row that was not made yet when it began: younger deliveries are not part of it.
    through bigint NOT NULL,
    -- When it goes on.
    next_at bigint NOT NULL,
    created_at bigint NOT NULL,
    ended_at bigint,
    PRIMARY KEY (tenant, row),
    UNIQUE (tenant, id)
);
CREATE INDEX resends_running ON resends (next_at) WHERE state = 0;

-- The programs that were ever in force, one row for each content.
CREATE TABLE programs (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SHA-256 of the sources.
    digest bytea NOT NULL UNIQUE,
    since bigint NOT NULL
);

-- The last saves as they came, on a node that has an inspector.
CREATE TABLE recordings (
    tenant bigint NOT NULL,
    row bigint NOT NULL,
    sequence bigint NOT NULL,
    model text NOT NULL,
    object text NOT NULL,
    item text NOT NULL,
    PRIMARY KEY (tenant, row)
);

-- The nodes that work on this store. One that is not seen for some seconds has lost what it held.
CREATE TABLE nodes (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    -- Of the connection over which it renews its row, at the server.
    pid integer NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row, written now and then to see whether the disk takes what is written.
CREATE TABLE probe (
    row integer PRIMARY KEY CHECK (row = 1),
    at bigint NOT NULL
);
