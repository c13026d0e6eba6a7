-- What the query API reads of each school-day of a range is kept cheap to read. The slots of school hours are the slots
-- 45 to 107 of the definitions (07:30-18:00).

ALTER TABLE {database}.school_day ADD COLUMN IF NOT EXISTS online_slots UInt32 MATERIALIZED arraySum(arraySlice(online, 46, 63)) COMMENT 'sum of `online` over the 63 slots of school hours' CODEC(ZSTD(1)) AFTER online;
ALTER TABLE {database}.school_network_day MODIFY COLUMN latency_hist CODEC(LZ4);
ALTER TABLE {database}.school_network_day MODIFY COLUMN jitter_hist CODEC(LZ4);
