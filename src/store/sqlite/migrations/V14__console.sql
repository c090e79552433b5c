-- That a browser has shown a key. What the browser keeps is found by its SHA-256, and not stored.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    -- The key or link, as in `access_keys`.
    key INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_end ON sessions (expires_at);

-- What was sent to an endpoint lately: its charts.
CREATE INDEX deliveries_endpoint ON deliveries (endpoint, created_at);
