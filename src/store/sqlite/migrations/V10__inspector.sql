-- What the inspector shows of a save beside its decisions.

-- The programs that were ever in force, one row for each content. A program that comes back is the same one.
CREATE TABLE programs (
    row INTEGER PRIMARY KEY,
    -- SHA-256 of the sources.
    digest BLOB NOT NULL UNIQUE,
    -- When it first was in force.
    since INTEGER NOT NULL
) STRICT;
ALTER TABLE traces ADD COLUMN program INTEGER;

-- The header `webhook-signature` as it was sent, on a node that has an inspector.
ALTER TABLE attempts ADD COLUMN signature TEXT;

-- The last saves as they came, on a node that has an inspector: JSON that `POST …/saves` takes.
CREATE TABLE recordings (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    model TEXT NOT NULL,
    object TEXT NOT NULL,
    item TEXT NOT NULL
) STRICT;
