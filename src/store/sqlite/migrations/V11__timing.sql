-- Where the time of an attempt went, in microseconds; NULL: the step was not taken.
ALTER TABLE attempts RENAME COLUMN took_ms TO took_us;
UPDATE attempts SET took_us = took_us * 1000;
ALTER TABLE attempts ADD COLUMN resolve_us INTEGER;
ALTER TABLE attempts ADD COLUMN connect_us INTEGER;
ALTER TABLE attempts ADD COLUMN tls_us INTEGER;
ALTER TABLE attempts ADD COLUMN first_byte_us INTEGER;
-- Whether the connection was kept from an earlier request.
ALTER TABLE attempts ADD COLUMN reused INTEGER NOT NULL DEFAULT 0;
