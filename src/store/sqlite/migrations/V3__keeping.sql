-- What retention, the store check and the rotation of keys have to know.

-- The save that used up the mark; null for marks of older versions, which are not compared with messages.
ALTER TABLE marks ADD COLUMN sequence INTEGER;

-- The greatest sequence of a message that retention has removed: marks up to it may have lost their message.
ALTER TABLE tenants ADD COLUMN pruned_through INTEGER NOT NULL DEFAULT 0;

-- Keys that were in force before a rotation, and the end of their grace time.
CREATE TABLE retired_keys (
    name TEXT NOT NULL,
    until INTEGER NOT NULL,
    material BLOB NOT NULL,
    PRIMARY KEY (name, until, material)
) STRICT, WITHOUT ROWID;
