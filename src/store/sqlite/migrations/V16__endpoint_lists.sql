-- Lists of endpoints are read a page at a time whatever they are filtered by: the rows of a page are found in an index alone, however far
-- behind the first they are.
CREATE INDEX own_endpoints_enabled ON own_endpoints (tenant, enabled);
CREATE INDEX endpoints_suspended_of ON endpoints (tenant, name) WHERE suspended_at IS NOT NULL;
