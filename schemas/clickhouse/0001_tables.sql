-- Tables of ClassPulse. Rows of *_day tables are absolute: a row with a higher `ver` holds every event of a lower one.
-- Statements end with a semicolon at the end of a line. {database} is replaced by the database's name.

CREATE TABLE IF NOT EXISTS {database}.device_day
(
    division      UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no     UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day           Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    device_no     UInt32 COMMENT 'device number' CODEC(Delta, ZSTD(1)),
    class_no      UInt32 COMMENT 'class on that day, 0: none' CODEC(Delta, ZSTD(1)),
    in_service    UInt8 COMMENT '1: counts in numerators and denominators of that day' CODEC(ZSTD(1)),
    ver           UInt32 COMMENT 'number of distinct events folded into the row' CODEC(ZSTD(1)),
    events        UInt32 COMMENT 'distinct activity events whose `at` is in the day' CODEC(ZSTD(1)),
    on_s          UInt32 COMMENT 'on-time, seconds' CODEC(ZSTD(1)),
    active_s      UInt32 COMMENT 'active time, seconds, clipped to on-time' CODEC(ZSTD(1)),
    sessions      UInt16 COMMENT 'number of sessions' CODEC(ZSTD(1)),
    lessons       UInt8 COMMENT 'bit i: lesson i+1 in use' CODEC(ZSTD(1)),
    used          UInt8 COMMENT '1: active for at least p.use_min' CODEC(ZSTD(1)),
    first_s       Nullable(UInt32) COMMENT 'first second on, seconds after local midnight' CODEC(ZSTD(1)),
    last_s        Nullable(UInt32) COMMENT 'last second on' CODEC(ZSTD(1)),
    last_received DateTime64(3, 'UTC') COMMENT 'latest receipt of an event of the row' CODEC(Delta, ZSTD(1)),
    on_spans      Array(UInt32) COMMENT 'united on-intervals [from, to, from, to, ...], seconds after local midnight' CODEC(Delta, ZSTD(1)),
    active_spans  Array(UInt32) COMMENT 'united active intervals as asserted, not yet clipped, the same shape' CODEC(Delta, ZSTD(1)),
    session_spans Array(UInt32) COMMENT 'sessions [from, to, ...]: on-intervals joined over gaps of at most p.gap' CODEC(Delta, ZSTD(1)),
    app_ids       Array(LowCardinality(String)) COMMENT 'apps seen, ascending' CODEC(ZSTD(1)),
    app_s         Array(UInt32) COMMENT 'foreground time of each app, seconds, clipped to active time' CODEC(ZSTD(1)),
    app_spans     Array(Array(UInt32)) COMMENT 'united foreground intervals of each app as asserted' CODEC(Delta, ZSTD(1)),
    seen_boots    Array(UUID) COMMENT 'boots whose events are in the row, ascending' CODEC(ZSTD(1)),
    seen_ranges   Array(Array(UInt32)) COMMENT 'of each boot: folded seq as inclusive ranges [first, last, ...]' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(day)
ORDER BY (division, school_no, day, device_no)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'ledger activity: one row per device and day';

CREATE TABLE IF NOT EXISTS {database}.network_day
(
    division       UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no      UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day            Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    device_no      UInt32 COMMENT 'device number' CODEC(Delta, ZSTD(1)),
    class_no       UInt32 COMMENT 'class on that day, 0: none' CODEC(Delta, ZSTD(1)),
    in_service     UInt8 COMMENT '1: counts in that day' CODEC(ZSTD(1)),
    ver            UInt32 COMMENT 'number of distinct events folded into the row' CODEC(ZSTD(1)),
    bursts         UInt16 COMMENT 'distinct bursts' CODEC(ZSTD(1)),
    busy           UInt16 COMMENT 'bursts while the link was busy: counted, nothing else of them is used' CODEC(ZSTD(1)),
    outage         UInt16 COMMENT 'idle bursts: probes sent, none received' CODEC(ZSTD(1)),
    partial        UInt16 COMMENT 'idle bursts without latency or without jitter' CODEC(ZSTD(1)),
    valid          UInt16 COMMENT 'idle bursts with latency and jitter' CODEC(ZSTD(1)),
    probes_sent    UInt32 COMMENT 'probes of idle bursts, invalid ones left out' CODEC(ZSTD(1)),
    probes_lost    UInt32 COMMENT 'of these: lost' CODEC(ZSTD(1)),
    probes_invalid UInt32 COMMENT 'probes with RTT <= 0 or > 3 s' CODEC(ZSTD(1)),
    judged         UInt16 COMMENT 'valid or outage bursts in school hours' CODEC(ZSTD(1)),
    latency_ok     UInt16 COMMENT 'of these: latency below the limit' CODEC(ZSTD(1)),
    jitter_ok      UInt16 COMMENT 'of these: jitter below the limit' CODEC(ZSTD(1)),
    verdict        Enum8('unknown' = 0, 'pass' = 1, 'fail' = 2) COMMENT 'METRICS section 4' CODEC(ZSTD(1)),
    latency_hist   Array(UInt16) COMMENT 'idle bursts by latency, 22 buckets' CODEC(ZSTD(1)),
    jitter_hist    Array(UInt16) COMMENT 'idle bursts by jitter, 22 buckets' CODEC(ZSTD(1)),
    last_received  DateTime64(3, 'UTC') COMMENT 'latest receipt of an event of the row' CODEC(Delta, ZSTD(1)),
    seen_boots     Array(UUID) COMMENT 'boots whose events are in the row, ascending' CODEC(ZSTD(1)),
    seen_ranges    Array(Array(UInt32)) COMMENT 'of each boot: folded seq as inclusive ranges [first, last, ...]' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(day)
ORDER BY (division, school_no, day, device_no)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'ledger network: one row per device and day';

CREATE TABLE IF NOT EXISTS {database}.school_day
(
    division             UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no            UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day                  Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    ver                  UInt32 COMMENT 'sum of the `ver` of its device rows' CODEC(ZSTD(1)),
    reporting            UInt32 COMMENT 'in-service devices with at least one activity event in the day' CODEC(ZSTD(1)),
    powered              UInt32 COMMENT 'in-service devices on for at least 5 min' CODEC(ZSTD(1)),
    used                 UInt32 COMMENT 'in-service devices active for at least p.use_min' CODEC(ZSTD(1)),
    classes_used         UInt32 COMMENT 'classes with at least one used in-service device' CODEC(ZSTD(1)),
    on_s                 UInt64 COMMENT 'on-time of in-service devices, seconds' CODEC(ZSTD(1)),
    active_s             UInt64 COMMENT 'active time of in-service devices, seconds' CODEC(ZSTD(1)),
    active_s_reporting   UInt64 COMMENT 'active time of in-service devices that report in the day, seconds' CODEC(ZSTD(1)),
    lessons_used         UInt32 COMMENT 'lessons in use of in-service devices' CODEC(ZSTD(1)),
    online               Array(UInt16) COMMENT '144 ten-minute slots: in-service devices on' CODEC(ZSTD(1)),
    active               Array(UInt16) COMMENT '144 ten-minute slots: in-service devices in use' CODEC(ZSTD(1)),
    reporting_unlisted   UInt32 COMMENT 'devices not in service that report' CODEC(ZSTD(1)),
    session_device_nos   Array(UInt32) EPHEMERAL COMMENT 'written only: devices, in service or not, with a session in the day',
    session_devices      AggregateFunction(groupBitmap, UInt32) DEFAULT bitmapBuild(session_device_nos) COMMENT 'devices with a session in the day' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(day)
ORDER BY (division, school_no, day)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'ledger activity: one row per school and day';

CREATE TABLE IF NOT EXISTS {database}.school_network_day
(
    division       UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no      UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day            Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    ver            UInt32 COMMENT 'sum of the `ver` of its device rows' CODEC(ZSTD(1)),
    pass           UInt32 COMMENT 'in-service devices with verdict pass' CODEC(ZSTD(1)),
    fail           UInt32 COMMENT 'in-service devices with verdict fail' CODEC(ZSTD(1)),
    unknown        UInt32 COMMENT 'in-service devices with a row and verdict unknown' CODEC(ZSTD(1)),
    bursts         UInt64 COMMENT 'sum over in-service devices, as in network_day' CODEC(ZSTD(1)),
    busy           UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    outage         UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    partial        UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    valid          UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    probes_sent    UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    probes_lost    UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    probes_invalid UInt64 COMMENT 'the same' CODEC(ZSTD(1)),
    latency_hist   Array(UInt32) COMMENT 'the same, 22 buckets' CODEC(ZSTD(1)),
    jitter_hist    Array(UInt32) COMMENT 'the same, 22 buckets' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(day)
ORDER BY (division, school_no, day)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'ledger network: one row per school and day';

CREATE TABLE IF NOT EXISTS {database}.orgs
(
    id          String COMMENT '440106, s1024 or c77',
    level       Enum8('province' = 0, 'city' = 1, 'county' = 2, 'school' = 3, 'class' = 4) COMMENT 'level',
    division    UInt32 COMMENT 'areas: the own code; else the area that directly manages the school',
    school_no   UInt32 COMMENT 'schools and classes; else 0',
    class_no    UInt32 COMMENT 'classes; else 0',
    name        String COMMENT 'name',
    parent      String COMMENT 'id of the organisation above, empty for the province',
    school_type LowCardinality(String) COMMENT 'schools: one of the nine types; else empty',
    status      Enum8('normal' = 0, 'suspended' = 1, 'merged' = 2, 'dissolved' = 3) COMMENT 'schools: status now; else normal',
    batch       UInt8 COMMENT 'cities: rollout batch 1 to 3; else 0',
    pilot       UInt8 COMMENT 'cities: took part in the pilot',
    ver         UInt64 COMMENT 'revision of the registry'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY id
COMMENT 'organisations as they are now';

CREATE TABLE IF NOT EXISTS {database}.devices
(
    device_no   UInt32 COMMENT 'device number',
    device_id   UUID COMMENT 'identity in tokens',
    school_no   UInt32 COMMENT 'school today',
    class_no    UInt32 COMMENT 'class today, 0: none',
    division    UInt32 COMMENT 'area that directly manages the school today',
    kind        Enum8('all_in_one' = 0, 'whiteboard' = 1, 'projector_pc' = 2, 'other' = 3) COMMENT 'kind',
    state       Enum8('enrolled' = 0, 'in_service' = 1, 'suspended' = 2, 'retired' = 3) COMMENT 'state now',
    enrolled_at DateTime64(3, 'UTC') COMMENT 'when it was enrolled',
    ver         UInt64 COMMENT 'offsets of the registry topics when the row was made'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY device_no
COMMENT 'devices as they are now';

CREATE TABLE IF NOT EXISTS {database}.roster_day
(
    division           UInt32 COMMENT 'GB/T 2260 code of the area that directly manages the school' CODEC(ZSTD(1)),
    school_no          UInt32 COMMENT 'school number' CODEC(ZSTD(1)),
    day                Date COMMENT 'local day, Asia/Shanghai' CODEC(ZSTD(1)),
    in_service         UInt32 COMMENT 'devices in service, N_s' CODEC(ZSTD(1)),
    classes            UInt32 COMMENT 'classes with a device in service' CODEC(ZSTD(1)),
    school_day         UInt8 COMMENT '1: a school day of this school' CODEC(ZSTD(1)),
    provisional        UInt8 COMMENT '1: the official calendar of the year is not published yet' CODEC(ZSTD(1)),
    lessons            UInt8 COMMENT 'timetabled lessons' CODEC(ZSTD(1)),
    in_service_nos     Array(UInt32) EPHEMERAL COMMENT 'written only: the devices in service',
    in_service_devices AggregateFunction(groupBitmap, UInt32) DEFAULT bitmapBuild(in_service_nos) COMMENT 'the devices in service' CODEC(ZSTD(1)),
    ver                UInt64 COMMENT 'offsets of the registry topics when the row was made' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(day)
ORDER BY (division, school_no, day)
SETTINGS index_granularity = 1024
COMMENT 'denominators: one row per school and day, schools without devices included';

CREATE TABLE IF NOT EXISTS {database}.calendar_day
(
    org         String COMMENT 'id of the province, city, county or school whose calendar says so',
    day         Date COMMENT 'local day, Asia/Shanghai',
    school_day  UInt8 COMMENT '1: a school day, as far as this organisation and those above it say',
    provisional UInt8 COMMENT '1: the official calendar of the year is not published yet',
    name        String COMMENT 'holiday, make-up day or closure; else empty',
    ver         UInt64 COMMENT 'offset of the registry topic when the row was made'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY (org, day)
COMMENT 'calendar of areas, and of schools that deviate';

CREATE TABLE IF NOT EXISTS {database}.events_raw
(
    device_no       UInt32 COMMENT 'device number' CODEC(ZSTD(1)),
    boot_id         UUID COMMENT 'boot' CODEC(ZSTD(1)),
    stream          Enum8('activity' = 0, 'network' = 1, 'device' = 2, 'resource' = 3) COMMENT 'stream' CODEC(ZSTD(1)),
    seq             UInt32 COMMENT 'number in boot and stream' CODEC(ZSTD(1)),
    from_day        Date COMMENT 'first day of the stamped belonging' CODEC(ZSTD(1)),
    until_day       Date COMMENT 'day after its last' CODEC(ZSTD(1)),
    division        UInt32 COMMENT 'stamped belonging' CODEC(ZSTD(1)),
    school_no       UInt32 COMMENT 'stamped belonging' CODEC(ZSTD(1)),
    class_no        UInt32 COMMENT 'stamped belonging' CODEC(ZSTD(1)),
    in_service      UInt8 COMMENT 'stamped belonging' CODEC(ZSTD(1)),
    type            Enum8('heartbeat' = 0, 'power' = 1, 'burst' = 2, 'bandwidth' = 3, 'inventory' = 4, 'fault' = 5, 'resource' = 6) COMMENT 'event type' CODEC(ZSTD(1)),
    at              DateTime64(3, 'UTC') COMMENT 'the moment it speaks of' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'when the edge took it' CODEC(Delta, ZSTD(1)),
    agent           LowCardinality(String) COMMENT 'agent version' CODEC(ZSTD(1)),
    clock_offset_ms Int64 COMMENT 'what the agent adds to its wall clock' CODEC(ZSTD(1)),
    kafka_partition UInt32 COMMENT 'source partition' CODEC(ZSTD(1)),
    kafka_offset    UInt64 COMMENT 'source offset' CODEC(ZSTD(1)),
    content_hash    UInt64 COMMENT 'hash of the event without its stamps: unequal for one identity is a conflict' CODEC(ZSTD(1)),
    payload         String COMMENT 'the event as JSON, as in the contract' CODEC(ZSTD(3)),
    ver             UInt64 COMMENT '2^63 - kafka_offset: the first copy in the log counts' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(toDate(at, 'Asia/Shanghai'))
ORDER BY (device_no, boot_id, stream, seq, from_day)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS index_granularity = 8192
COMMENT 'archive: every distinct accepted event, 90 days from receipt';

-- The views give sets of devices as arrays, which every client reads; not every client knows bitmap states.
CREATE VIEW IF NOT EXISTS {database}.device_day_final AS SELECT * FROM {database}.device_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.network_day_final AS SELECT * FROM {database}.network_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.school_day_final AS SELECT * REPLACE (bitmapToArray(session_devices) AS session_devices) FROM {database}.school_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.school_network_day_final AS SELECT * FROM {database}.school_network_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.orgs_final AS SELECT * FROM {database}.orgs FINAL;
CREATE VIEW IF NOT EXISTS {database}.devices_final AS SELECT * FROM {database}.devices FINAL;
CREATE VIEW IF NOT EXISTS {database}.roster_day_final AS SELECT * REPLACE (bitmapToArray(in_service_devices) AS in_service_devices) FROM {database}.roster_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.calendar_day_final AS SELECT * FROM {database}.calendar_day FINAL;
CREATE VIEW IF NOT EXISTS {database}.events_raw_final AS SELECT * FROM {database}.events_raw FINAL;
