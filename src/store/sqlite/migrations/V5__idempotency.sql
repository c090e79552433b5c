-- What was answered to requests with an `Idempotency-Key`, so that a repeated one is answered alike and not done again.

CREATE TABLE receipts (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Of the request: a hash of method, target and body.
    request BLOB NOT NULL,
    at INTEGER NOT NULL,
    -- Null while the request is under way.
    status INTEGER,
    content_type TEXT,
    body BLOB,
    PRIMARY KEY (tenant, key)
) STRICT;
CREATE INDEX receipts_at ON receipts (at);
