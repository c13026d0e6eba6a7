-- Ledger sets, what readers read, the roller's sums, the audit's runs and what late events changed.
-- A ledger set has tables of its own: those of set `r3` are device_day__r3, network_day__r3, school_day__r3,
-- school_network_day__r3 and county_day__r3, made like the ones without a suffix, which are the set `live`.

CREATE TABLE IF NOT EXISTS {database}.ledger_sets
(
    name               String COMMENT 'r3: the suffix of its tables is __r3',
    group_id           String COMMENT 'its consumer group',
    definition_version String COMMENT 'version of its definitions',
    definitions        String COMMENT 'its definitions, the whole file (TOML)',
    source             Enum8('kafka' = 0, 'archive' = 1) COMMENT 'where it began: offset 0 of the topic, or events_raw',
    from_day           Date COMMENT 'first day that it holds',
    until_day          Date COMMENT 'day after the last that it holds',
    state              Enum8('building' = 0, 'ready' = 1, 'kept' = 2, 'dropped' = 3) COMMENT 'kept: the processors go on folding it',
    changed_at         DateTime64(3, 'UTC') COMMENT 'when this state began, wall time',
    ver                UInt64 COMMENT 'number of states so far'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY name
COMMENT 'sets of ledger tables that rebuilds made; the set `live` has no row';

CREATE TABLE IF NOT EXISTS {database}.readers
(
    what               LowCardinality(String) COMMENT 'always `ledgers`',
    set_name           String COMMENT 'the set whose tables readers read; live: the tables without suffix',
    definition_version String COMMENT 'version of its definitions',
    definitions        String COMMENT 'its definitions, the whole file (TOML)',
    since              DateTime64(3, 'UTC') COMMENT 'when readers were swapped to it, wall time',
    ver                UInt64 COMMENT 'number of swaps so far'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY what
COMMENT 'what readers read; without a row: the set live';

CREATE TABLE IF NOT EXISTS {database}.county_day
(
    division           UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the schools' CODEC(ZSTD(1)),
    day                Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    ver                UInt64 COMMENT 'sum of `ver` of the rows it was made from, those of roster_day included' CODEC(ZSTD(1)),
    school_days        UInt32 COMMENT 'schools for which it is a school day; all that follows is of these' CODEC(ZSTD(1)),
    in_service         UInt64 COMMENT 'devices in service' CODEC(ZSTD(1)),
    classes            UInt64 COMMENT 'classes with a device in service' CODEC(ZSTD(1)),
    schools            UInt32 COMMENT 'schools with a device in service' CODEC(ZSTD(1)),
    lesson_slots       UInt64 COMMENT 'devices in service x timetabled lessons' CODEC(ZSTD(1)),
    reporting          UInt64 COMMENT 'sum over schools, as in school_day' CODEC(ZSTD(1)),
    powered            UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    used               UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    classes_used       UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    schools_used       UInt32 COMMENT 'schools with a used device' CODEC(ZSTD(1)),
    on_s               UInt64 COMMENT 'sum over schools, as in school_day' CODEC(ZSTD(1)),
    active_s           UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    active_s_reporting UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    lessons_used       UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    online_slots       UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    pass               UInt64 COMMENT 'sum over schools, as in school_network_day' CODEC(ZSTD(1)),
    fail               UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    outage             UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    partial            UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    valid              UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    probes_sent        UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    probes_lost        UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    latency_hist       Array(UInt64) COMMENT 'the same, 22 buckets' CODEC(ZSTD(1)),
    jitter_hist        Array(UInt64) COMMENT 'the same, 22 buckets' CODEC(ZSTD(1)),
    provisional        UInt8 COMMENT '1: the official calendar of the year is not published yet' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toStartOfYear(day)
ORDER BY (division, day)
SETTINGS index_granularity = 1024
COMMENT 'sums of each area that directly manages schools, by day: made by the roller from school rows';

CREATE TABLE IF NOT EXISTS {database}.published_day
(
    set_name    String COMMENT 'ledger set' CODEC(ZSTD(1)),
    division    UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no   UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day         Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    edition     UInt32 COMMENT '0: as it was when the day had ended; then one more with each restatement' CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') COMMENT 'when this edition was taken, by the clock of the service' CODEC(ZSTD(1)),
    events      UInt64 COMMENT 'distinct events folded by then: `ver` of school_day + `ver` of school_network_day' CODEC(ZSTD(1)),
    reporting   UInt32 COMMENT 'as in school_day' CODEC(ZSTD(1)),
    used        UInt32 COMMENT 'the same' CODEC(ZSTD(1)),
    on_s        UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    active_s    UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    pass        UInt32 COMMENT 'as in school_network_day' CODEC(ZSTD(1)),
    fail        UInt32 COMMENT 'the same' CODEC(ZSTD(1)),
    unknown     UInt32 COMMENT 'the same' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(events)
PARTITION BY toStartOfMonth(day)
ORDER BY (set_name, division, school_no, day, edition)
COMMENT 'school days as they were when they had ended, and after each restatement';

CREATE TABLE IF NOT EXISTS {database}.restatements
(
    set_name         String COMMENT 'ledger set' CODEC(ZSTD(1)),
    division         UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no        UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day              Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    edition          UInt32 COMMENT 'edition that it made, from 1' CODEC(ZSTD(1)),
    at               DateTime64(3, 'UTC') COMMENT 'when it was seen, by the clock of the service' CODEC(ZSTD(1)),
    late_events      UInt64 COMMENT 'distinct events folded since the edition before' CODEC(ZSTD(1)),
    events           UInt64 COMMENT 'distinct events folded by then' CODEC(ZSTD(1)),
    reporting_before UInt32 COMMENT 'as in school_day, in the edition before' CODEC(ZSTD(1)),
    reporting        UInt32 COMMENT 'the same, now' CODEC(ZSTD(1)),
    used_before      UInt32 COMMENT 'as in school_day, in the edition before' CODEC(ZSTD(1)),
    used             UInt32 COMMENT 'the same, now' CODEC(ZSTD(1)),
    on_s_before      UInt64 COMMENT 'as in school_day, in the edition before' CODEC(ZSTD(1)),
    on_s             UInt64 COMMENT 'the same, now' CODEC(ZSTD(1)),
    active_s_before  UInt64 COMMENT 'as in school_day, in the edition before' CODEC(ZSTD(1)),
    active_s         UInt64 COMMENT 'the same, now' CODEC(ZSTD(1)),
    pass_before      UInt32 COMMENT 'as in school_network_day, in the edition before' CODEC(ZSTD(1)),
    pass             UInt32 COMMENT 'the same, now' CODEC(ZSTD(1)),
    fail_before      UInt32 COMMENT 'as in school_network_day, in the edition before' CODEC(ZSTD(1)),
    fail             UInt32 COMMENT 'the same, now' CODEC(ZSTD(1)),
    unknown_before   UInt32 COMMENT 'as in school_network_day, in the edition before' CODEC(ZSTD(1)),
    unknown          UInt32 COMMENT 'the same, now' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(events)
PARTITION BY toStartOfMonth(day)
ORDER BY (set_name, division, school_no, day, edition)
COMMENT 'what changed after a day had ended, when, and by how many late events';

CREATE TABLE IF NOT EXISTS {database}.audit_runs
(
    set_name    String COMMENT 'ledger set',
    day         Date COMMENT 'audited day',
    at          DateTime64(3, 'UTC') COMMENT 'when, by the clock of the service',
    compared    UInt64 COMMENT 'school rows compared, of both ledgers',
    differences UInt64 COMMENT 'school rows that differ from the sum of their device rows'
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (set_name, day)
COMMENT 'the latest audit of each day';

CREATE VIEW IF NOT EXISTS {database}.county_day_final AS SELECT * FROM {database}.county_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.restatements_final AS SELECT * FROM {database}.restatements FINAL;
CREATE VIEW IF NOT EXISTS {database}.audit_runs_final AS SELECT * FROM {database}.audit_runs FINAL;
