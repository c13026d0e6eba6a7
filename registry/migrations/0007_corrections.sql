-- Corrections of days that have begun: proposed by one person, approved by another. Rows are never deleted.
-- change: what is to be, JSON. seq: place in the order of approvals. before: the history as it was until then, JSON.

CREATE TABLE corrections (
    correction_no  BIGINT  NOT NULL PRIMARY KEY,
    object         TEXT    NOT NULL,
    change         TEXT    NOT NULL,
    from_day       INTEGER NOT NULL,
    until_day      INTEGER,
    reason         TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('proposed', 'approved', 'refused', 'withdrawn')),
    division       INTEGER NOT NULL,
    school_no      BIGINT  NOT NULL,
    proposed_by    TEXT    NOT NULL,
    proposed_at_ms BIGINT  NOT NULL,
    decided_by     TEXT,
    decided_at_ms  BIGINT,
    seq            BIGINT
);
CREATE INDEX corrections_of_area ON corrections (division, correction_no);
CREATE INDEX corrections_of_school ON corrections (school_no, correction_no);
