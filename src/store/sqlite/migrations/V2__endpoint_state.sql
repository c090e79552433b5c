-- An endpoint is one tenant's: what it has to get stands in a lane of its own, and it is suspended for that tenant alone.
CREATE TABLE endpoints_of_tenants (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- When and why it was suspended: what is made for it is kept, and nothing is sent.
    suspended_at INTEGER,
    suspended_why TEXT,
    -- Whether its alert endpoint has been told of trouble that is not over.
    alerted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, name)
) STRICT;
INSERT INTO endpoints_of_tenants (tenant, name)
    SELECT DISTINCT d.tenant, e.name FROM deliveries d JOIN endpoints e ON e.row = d.endpoint ORDER BY d.tenant, e.row;
UPDATE deliveries SET endpoint = (
    SELECT n.row FROM endpoints e JOIN endpoints_of_tenants n ON n.name = e.name
    WHERE e.row = deliveries.endpoint AND n.tenant = deliveries.tenant);
DROP TABLE endpoints;
ALTER TABLE endpoints_of_tenants RENAME TO endpoints;
CREATE INDEX endpoints_suspended ON endpoints (row) WHERE suspended_at IS NOT NULL;
CREATE INDEX endpoints_alerted ON endpoints (row) WHERE alerted = 1;

-- State 4 of a delivery is failed: given up, and not diverted.
CREATE INDEX deliveries_failed ON deliveries (tenant) WHERE state = 4;
