-- Bell times of areas and schools: what was entered counts from a day on, until the next entry of the same area or school.

-- bells: JSON, lessons by type of school as the console speaks of them; empty: those of the area above count again.
CREATE TABLE bell_entries (
    org_id        TEXT    NOT NULL,
    from_day      INTEGER NOT NULL,
    bells         TEXT    NOT NULL,
    entered_at_ms BIGINT  NOT NULL,
    PRIMARY KEY (org_id, from_day)
);

-- Types that a school had: bell times go by the type of the day. No row: it always had the present one.
CREATE TABLE school_types (
    school_no   BIGINT  NOT NULL REFERENCES schools (school_no),
    from_day    INTEGER NOT NULL,
    school_type TEXT    NOT NULL,
    PRIMARY KEY (school_no, from_day)
);
