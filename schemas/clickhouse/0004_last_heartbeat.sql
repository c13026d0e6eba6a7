-- "Online now" asks for the last heartbeat received, whatever day the heartbeat speaks of, and no other event tells it
-- (METRICS section 3 and 10.14). Rows are found by the index, for all but the latest rows of a day are old.

ALTER TABLE {database}.{each:device_day} ADD COLUMN IF NOT EXISTS last_heartbeat DateTime64(3, 'UTC') COMMENT 'latest receipt of a heartbeat of the row; 1970-01-01: none' CODEC(Delta, ZSTD(1)) AFTER last_received;
ALTER TABLE {database}.{each:device_day} ADD INDEX IF NOT EXISTS by_last_heartbeat last_heartbeat TYPE minmax GRANULARITY 1;
