-- What has been taken in of a source that may bring it again, such as the messages of a stream by their numbers. Few: what the source
-- itself knows to be done is removed.
CREATE TABLE taken (
    tenant INTEGER NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant, source, position)
) STRICT, WITHOUT ROWID;
