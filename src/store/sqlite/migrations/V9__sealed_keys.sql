-- Key material is encrypted with a key that is not in the store. 0: it is not yet, having been written by an older version.
ALTER TABLE keys ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE retired_keys ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
