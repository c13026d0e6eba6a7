-- Corrections that reach back (docs/adr/0011-corrections-in-the-log.md). A device-day that was said to be elsewhere stays
-- in the table, hidden, and says where its events go; readers leave hidden rows out.

ALTER TABLE {database}.{each:device_day} ADD COLUMN IF NOT EXISTS corrections Array(UInt32) COMMENT 'the corrections that the row has heard of, by `seq` of corrected_days; `ver` counts them as well' CODEC(ZSTD(1)) AFTER seen_ranges;
ALTER TABLE {database}.{each:device_day} ADD COLUMN IF NOT EXISTS moved_division UInt32 COMMENT 'area to which the newest of them moved the day; 0: the day is here' CODEC(ZSTD(1)) AFTER corrections;
ALTER TABLE {database}.{each:device_day} ADD COLUMN IF NOT EXISTS moved_school_no UInt32 COMMENT 'school likewise' CODEC(ZSTD(1)) AFTER moved_division;
ALTER TABLE {database}.{each:device_day} ADD COLUMN IF NOT EXISTS hidden UInt8 MATERIALIZED moved_school_no != 0 OR ver = length(corrections) COMMENT '1: readers leave it out: the day is elsewhere, or no event touches it' CODEC(ZSTD(1)) AFTER moved_school_no;
ALTER TABLE {database}.{each:network_day} ADD COLUMN IF NOT EXISTS corrections Array(UInt32) COMMENT 'as in device_day' CODEC(ZSTD(1)) AFTER seen_ranges;
ALTER TABLE {database}.{each:network_day} ADD COLUMN IF NOT EXISTS moved_division UInt32 COMMENT 'as in device_day' CODEC(ZSTD(1)) AFTER corrections;
ALTER TABLE {database}.{each:network_day} ADD COLUMN IF NOT EXISTS moved_school_no UInt32 COMMENT 'as in device_day' CODEC(ZSTD(1)) AFTER moved_division;
ALTER TABLE {database}.{each:network_day} ADD COLUMN IF NOT EXISTS hidden UInt8 MATERIALIZED moved_school_no != 0 OR ver = length(corrections) COMMENT 'as in device_day' CODEC(ZSTD(1)) AFTER moved_school_no;
ALTER TABLE {database}.{each:school_day} ADD COLUMN IF NOT EXISTS hidden_ver UInt32 COMMENT 'what of `ver` is of hidden rows, and of corrections; the rest counts events' CODEC(ZSTD(1)) AFTER ver;
ALTER TABLE {database}.{each:school_network_day} ADD COLUMN IF NOT EXISTS hidden_ver UInt32 COMMENT 'as in school_day' CODEC(ZSTD(1)) AFTER ver;

CREATE TABLE IF NOT EXISTS {database}.corrections
(
    correction_no UInt32 COMMENT 'number',
    seq           UInt32 COMMENT 'place in the order of approvals',
    kind          LowCardinality(String) COMMENT 'device, school or closure',
    object        String COMMENT 'what is corrected: d12, s7, 440106',
    from_day      Date COMMENT 'first corrected day',
    until_day     Date COMMENT 'day after the last',
    reason        String COMMENT 'why',
    proposed_by   String COMMENT 'account that proposed it',
    approved_by   String COMMENT 'account that approved it',
    approved_at   DateTime64(3, 'UTC') COMMENT 'when, by the clock of the registry',
    device_days   UInt32 COMMENT 'device-days whose belonging it changes',
    applied_at    DateTime64(3, 'UTC') COMMENT 'when its days were rebuilt, by the clock of the service; 1970-01-01: not yet',
    ver           UInt64 COMMENT '0: taken up, 1: its days are rebuilt'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY correction_no
COMMENT 'corrections that reach back, as far as the processors have come with them';

CREATE TABLE IF NOT EXISTS {database}.corrected_days
(
    device_no      UInt32 COMMENT 'device number',
    from_day       Date COMMENT 'first day',
    until_day      Date COMMENT 'day after the last',
    seq            UInt32 COMMENT 'of several for a day the highest holds',
    correction_no  UInt32 COMMENT 'number of the correction',
    old_division   UInt32 COMMENT 'belonging as it was said',
    old_school_no  UInt32 COMMENT 'the same',
    old_class_no   UInt32 COMMENT 'the same',
    old_in_service UInt8 COMMENT 'the same',
    division       UInt32 COMMENT 'belonging as it is right',
    school_no      UInt32 COMMENT 'the same',
    class_no       UInt32 COMMENT 'the same',
    in_service     UInt8 COMMENT 'the same'
)
ENGINE = ReplacingMergeTree
ORDER BY (seq, device_no, from_day)
COMMENT 'device-days whose belonging a correction changed';

ALTER TABLE {database}.restatements ADD COLUMN IF NOT EXISTS correction_no UInt32 COMMENT 'the correction that changed it; 0: late events did' CODEC(ZSTD(1)) AFTER unknown;
ALTER TABLE {database}.restatements ADD COLUMN IF NOT EXISTS changed_by String COMMENT 'who proposed and who approved the correction; else empty' CODEC(ZSTD(1)) AFTER correction_no;
ALTER TABLE {database}.restatements ADD COLUMN IF NOT EXISTS reason String COMMENT 'why; else empty' CODEC(ZSTD(1)) AFTER changed_by;

CREATE OR REPLACE VIEW {database}.restatements_final AS SELECT * FROM {database}.restatements FINAL;
CREATE VIEW IF NOT EXISTS {database}.corrections_final AS SELECT * FROM {database}.corrections FINAL;
CREATE VIEW IF NOT EXISTS {database}.corrected_days_final AS SELECT * FROM {database}.corrected_days FINAL;
