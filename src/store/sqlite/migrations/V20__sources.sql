-- How far sources have been taken in: the place of a transaction's commit in the log, and how many of its changes.
CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    lsn INTEGER NOT NULL,
    changes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
