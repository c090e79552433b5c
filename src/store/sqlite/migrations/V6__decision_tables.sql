-- What the webhooks of a model ask, once for all saves that were decided by it: a trace says only what was seen, and the two together say
-- why each webhook did or did not fire.
CREATE TABLE decision_tables (
    row INTEGER PRIMARY KEY,
    -- Of the text; two texts may share it.
    hash INTEGER NOT NULL,
    -- How many traces have it. One that none has is removed by retention.
    traces INTEGER NOT NULL DEFAULT 0,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX decision_tables_hash ON decision_tables (hash);

-- Null for a trace that says everything itself.
ALTER TABLE traces ADD COLUMN decision_table INTEGER;

-- An update asks which firings about its object wait.
CREATE INDEX waits_object ON waits (tenant, model, object);
