-- Deliveries of a tenant that are sent again, the oldest first, at a rate.
CREATE TABLE resends (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    tenant INTEGER NOT NULL,
    -- Who asked for it.
    actor TEXT NOT NULL,
    -- Which deliveries, as JSON.
    filter TEXT NOT NULL,
    rate TEXT NOT NULL,
    -- How many there were when it began.
    matched INTEGER NOT NULL,
    resent INTEGER NOT NULL DEFAULT 0,
    -- 0 running, 1 done, 2 stopped.
    state INTEGER NOT NULL DEFAULT 0,
    -- The delivery that was looked at last: when it was made, its row, and of the last one that was sent again its id.
    cursor_at INTEGER NOT NULL,
    cursor_row INTEGER NOT NULL,
    last BLOB,
    -- The newest delivery when it began: younger ones are not part of it.
    through INTEGER NOT NULL,
    -- When it goes on.
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX resends_tenant ON resends (tenant);
CREATE INDEX resends_running ON resends (next_at) WHERE state = 0;

-- Lists are in the order of time, and can begin and end anywhere in it.
DROP INDEX messages_tenant;
CREATE INDEX messages_time ON messages (tenant, created_at, event);
DROP INDEX deliveries_diverted;
DROP INDEX deliveries_failed;
CREATE INDEX deliveries_given_up ON deliveries (tenant, created_at, state) WHERE state > 2;
