-- One row, written now and then to see whether the disk takes what is written.
CREATE TABLE probe (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    at INTEGER NOT NULL
) STRICT;
