-- Before the server has counted a table, all indexes that begin with the tenant look the same to it, and it takes the newest: that is the one
-- in which a row is found at once.
ALTER TABLE messages DROP CONSTRAINT messages_pkey, ADD PRIMARY KEY (tenant, row);
ALTER TABLE deliveries DROP CONSTRAINT deliveries_pkey, ADD PRIMARY KEY (tenant, row);
ALTER TABLE traces DROP CONSTRAINT traces_pkey, ADD PRIMARY KEY (tenant, row);
