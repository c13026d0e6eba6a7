-- What administrators do: profiles of schools, enrolment of devices, and the log of every change. Columns that are added
-- have defaults, so that a seeded store needs no second pass.

ALTER TABLE divisions ADD COLUMN valid_from_day INTEGER;
ALTER TABLE divisions ADD COLUMN valid_until_day INTEGER;

-- code: what the school is known by outside (学校标识码). tags: a JSON array of strings.
ALTER TABLE schools ADD COLUMN code TEXT;
ALTER TABLE schools ADD COLUMN ownership TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN weak BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE schools ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE schools ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN post_code TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN initialised_at_ms BIGINT;
ALTER TABLE schools ADD COLUMN purged_at_ms BIGINT;
ALTER TABLE schools ADD COLUMN updated_at_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE schools ADD COLUMN updated_by TEXT NOT NULL DEFAULT '';
-- Devices whose last place it is, retired ones left out: lists of schools ask for it.
ALTER TABLE schools ADD COLUMN device_count BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX schools_by_code ON schools (code) WHERE code IS NOT NULL;
CREATE INDEX schools_of_area ON school_divisions (division, school_no);

-- tokens_issued: the highest generation that a token was made for; above token_gen while the device has not used it.
ALTER TABLE devices ADD COLUMN procured_on_day INTEGER;
ALTER TABLE devices ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN tokens_issued BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN hardware_id TEXT;
ALTER TABLE devices ADD COLUMN mac TEXT;
CREATE INDEX devices_of_hardware ON devices (hardware_id) WHERE hardware_id IS NOT NULL;
CREATE INDEX devices_of_mac ON devices (mac) WHERE mac IS NOT NULL;
CREATE INDEX belongings_of_school ON belongings (school_no);
CREATE INDEX belongings_of_class ON belongings (class_no);
CREATE INDEX campuses_of_school ON campuses (school_no);

-- What lists of schools are filtered by. Each ends with the number, by which they are ordered.
CREATE INDEX schools_by_type ON schools (school_type, school_no);
CREATE INDEX schools_by_ownership ON schools (ownership, school_no);
CREATE INDEX schools_without_devices ON schools (school_no) WHERE device_count = 0;
CREATE INDEX schools_not_initialised ON schools (school_no) WHERE initialised_at_ms IS NULL;
CREATE INDEX school_statuses_by_status ON school_statuses (status, school_no);

-- A store that was seeded before: count what is there.
UPDATE schools SET device_count = (
    SELECT COUNT(*) FROM belongings b JOIN devices d ON d.device_no = b.device_no
    WHERE b.school_no = schools.school_no AND d.state <> 'retired'
      AND NOT EXISTS (SELECT 1 FROM belongings n WHERE n.device_no = b.device_no AND n.from_day > b.from_day)
), initialised_at_ms = (
    SELECT MIN(b.entered_at_ms) FROM belongings b WHERE b.school_no = schools.school_no
);

-- The highest number of each kind that was ever given: a number that was deleted is not given again.
CREATE TABLE numbers (
    kind TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- The last day whose midnight was dealt with.
CREATE TABLE midnights (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    day INTEGER NOT NULL
);

-- Areas that are looked at together (片区), kept by the area above them.
CREATE TABLE area_groups (
    group_no BIGINT  NOT NULL PRIMARY KEY,
    division INTEGER NOT NULL REFERENCES divisions (code),
    name     TEXT    NOT NULL,
    UNIQUE (division, name)
);
CREATE TABLE area_group_members (
    group_no BIGINT  NOT NULL REFERENCES area_groups (group_no),
    division INTEGER NOT NULL REFERENCES divisions (code),
    PRIMARY KEY (group_no, division)
);

-- class_no: the class that the code is meant for; 0: any of the school's.
CREATE TABLE enrol_codes (
    code_no       BIGINT NOT NULL PRIMARY KEY,
    code          TEXT   NOT NULL UNIQUE,
    school_no     BIGINT NOT NULL REFERENCES schools (school_no),
    class_no      BIGINT NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('issued', 'used', 'revoked')),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    creator       TEXT   NOT NULL,
    creator_name  TEXT   NOT NULL,
    used_at_ms    BIGINT,
    device_no     BIGINT REFERENCES devices (device_no),
    mac           TEXT,
    revoked_at_ms BIGINT
);
CREATE INDEX enrol_codes_of_school ON enrol_codes (school_no, code_no);

-- What an enrolment made look doubtful, until somebody of the school's console has judged it.
CREATE TABLE device_flags (
    flag_no       BIGINT NOT NULL PRIMARY KEY,
    device_no     BIGINT NOT NULL REFERENCES devices (device_no),
    kind          TEXT   NOT NULL CHECK (kind IN ('duplicate_identity', 'code_used_for_other_class')),
    detail        TEXT   NOT NULL,
    raised_at_ms  BIGINT NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'confirmed_ok', 'fixed'))
);
CREATE INDEX device_flags_of_device ON device_flags (device_no);

-- Every change: who, when, from where, before and after. Rows are only ever added; each carries the hash of the row
-- before it, and audit_head the last one, so that a row that is changed, removed or slipped in is found.
CREATE TABLE audit (
    seq        BIGINT  NOT NULL PRIMARY KEY,
    at_ms      BIGINT  NOT NULL,
    account    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    request_id TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    division   INTEGER NOT NULL,
    school_no  BIGINT  NOT NULL,
    before     TEXT    NOT NULL,
    after      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    hash       TEXT    NOT NULL
);
CREATE INDEX audit_of_school ON audit (school_no, seq);
CREATE INDEX audit_of_area ON audit (division, seq);
CREATE INDEX audit_of_object ON audit (object, seq);

CREATE TABLE audit_head (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT  NOT NULL,
    hash TEXT    NOT NULL
);
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '');
