-- The control plane. Days are days since 1970-01-01 in Asia/Shanghai, instants ms since the epoch (UTC). History is
-- kept as rows that hold from a day on, until the next row of the same key; what is entered twice for one day is
-- replaced by the later entry.

-- One counter for every revision: its row lock makes the order of revisions the order of commits.
CREATE TABLE revision (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    last BIGINT  NOT NULL
);
INSERT INTO revision (one, last) VALUES (1, 0);

-- What the store was seeded with; empty: not seeded.
CREATE TABLE seeding (
    one          INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seed         BIGINT  NOT NULL,
    schools      BIGINT  NOT NULL,
    today        INTEGER NOT NULL,
    seeded_at_ms BIGINT  NOT NULL
);

CREATE TABLE divisions (
    code            INTEGER NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    level           TEXT    NOT NULL CHECK (level IN ('province', 'city', 'county')),
    parent          INTEGER REFERENCES divisions (code),
    batch           INTEGER NOT NULL,
    batch_start_day INTEGER,
    batch_end_day   INTEGER,
    pilot           BOOLEAN NOT NULL
);

CREATE TABLE schools (
    school_no   BIGINT NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    school_type TEXT   NOT NULL
);

-- The area that directly manages the school: a county, a city or the province.
CREATE TABLE school_divisions (
    school_no     BIGINT  NOT NULL REFERENCES schools (school_no),
    from_day      INTEGER NOT NULL,
    division      INTEGER NOT NULL REFERENCES divisions (code),
    entered_at_ms BIGINT  NOT NULL,
    PRIMARY KEY (school_no, from_day)
);

CREATE TABLE school_statuses (
    school_no     BIGINT  NOT NULL REFERENCES schools (school_no),
    from_day      INTEGER NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN ('normal', 'suspended', 'merged', 'dissolved')),
    entered_at_ms BIGINT  NOT NULL,
    PRIMARY KEY (school_no, from_day)
);

CREATE TABLE campuses (
    campus_no BIGINT NOT NULL PRIMARY KEY,
    school_no BIGINT NOT NULL REFERENCES schools (school_no),
    name      TEXT   NOT NULL
);

CREATE TABLE classes (
    class_no  BIGINT  NOT NULL PRIMARY KEY,
    school_no BIGINT  NOT NULL REFERENCES schools (school_no),
    campus_no BIGINT  NOT NULL REFERENCES campuses (campus_no),
    grade     INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    size      INTEGER NOT NULL
);
CREATE INDEX classes_of_school ON classes (school_no);

CREATE TABLE devices (
    device_no      BIGINT  NOT NULL PRIMARY KEY,
    device_id      TEXT    NOT NULL UNIQUE,
    kind           TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('enrolled', 'in_service', 'suspended', 'retired')),
    token_gen      BIGINT  NOT NULL,
    revoked        BOOLEAN NOT NULL,
    enrolled_at_ms BIGINT  NOT NULL
);
CREATE INDEX devices_enrolled ON devices (enrolled_at_ms) WHERE state = 'enrolled';

-- Where a device is; class 0: in none. The first row of a device holds for all days before as well.
CREATE TABLE belongings (
    device_no     BIGINT  NOT NULL REFERENCES devices (device_no),
    from_day      INTEGER NOT NULL,
    school_no     BIGINT  NOT NULL REFERENCES schools (school_no),
    class_no      BIGINT  NOT NULL,
    entered_at_ms BIGINT  NOT NULL,
    PRIMARY KEY (device_no, from_day)
);

-- Suspensions, their ends and retirements; no row: nothing but the enrolment.
CREATE TABLE device_states (
    device_no     BIGINT  NOT NULL REFERENCES devices (device_no),
    from_day      INTEGER NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('in_service', 'suspended', 'retired')),
    entered_at_ms BIGINT  NOT NULL,
    PRIMARY KEY (device_no, from_day)
);

CREATE TABLE calendar_spans (
    org_id      TEXT    NOT NULL,
    from_day    INTEGER NOT NULL,
    until_day   INTEGER NOT NULL CHECK (until_day > from_day),
    school_day  BOOLEAN NOT NULL,
    name        TEXT    NOT NULL,
    provisional BOOLEAN NOT NULL,
    PRIMARY KEY (org_id, from_day, name)
);

-- What is to be published, encoded in the transaction that changed it, so that it is published with one content only.
CREATE TABLE outbox (
    rev             BIGINT NOT NULL PRIMARY KEY,
    topic           TEXT   NOT NULL,
    record_key      TEXT   NOT NULL,
    value           BLOB,
    created_at_ms   BIGINT NOT NULL,
    published_at_ms BIGINT
);
CREATE INDEX outbox_waiting ON outbox (rev) WHERE published_at_ms IS NULL;
