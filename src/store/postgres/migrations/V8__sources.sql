-- How far sources have been taken in: the place of a transaction's commit in the log, and how many of its changes.
CREATE TABLE sources (
    name text COLLATE "C" PRIMARY KEY,
    lsn bigint NOT NULL,
    changes bigint NOT NULL
);
