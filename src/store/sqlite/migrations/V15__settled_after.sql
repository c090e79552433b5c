-- When a delivery was settled is stored as the milliseconds since it was made. That takes one byte or two in place of six, so that a row does
-- not grow when it is settled: one that grew had its page split, and every eighth byte of the table lay empty.
ALTER TABLE deliveries RENAME COLUMN settled_at TO settled_after;
UPDATE deliveries SET settled_after = settled_after - created_at WHERE settled_after IS NOT NULL;
