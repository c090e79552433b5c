-- The programs that the nodes ran, the newest last. The files of the newest are kept sealed, as the key `program`.
CREATE TABLE generations (
    number bigint PRIMARY KEY,
    -- SHA-256 of its files.
    digest bytea NOT NULL,
    -- The version of the node that brought it.
    version text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX generations_digest ON generations (digest);

-- One row: the oldest format whose programs can work with these tables, so that nodes of two versions run side by side. A migration
-- that they cannot bear raises it.
CREATE TABLE format (
    row integer PRIMARY KEY CHECK (row = 1),
    oldest bigint NOT NULL
);
INSERT INTO format (row, oldest) VALUES (1, 4);

-- The ids of the keys with which the node can open what is sealed; null: it was opened without any.
ALTER TABLE nodes ADD COLUMN key_ids bytea[];
