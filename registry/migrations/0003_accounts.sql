-- People who log in, what they are granted, and what programs use in their name.

-- Here an account and its grant are acts of two people (FEATURES G15); holds for everything below as well.
ALTER TABLE divisions ADD COLUMN two_person BOOLEAN NOT NULL DEFAULT FALSE;

-- home: the area or school whose account it is. password: argon2id, with its salt and costs. Rows are never deleted, and
-- logins never given again: the log of changes names them.
CREATE TABLE accounts (
    account_no    BIGINT  NOT NULL PRIMARY KEY,
    login         TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    phone         TEXT UNIQUE,
    email         TEXT UNIQUE,
    home          TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('active', 'locked', 'closed')),
    password      TEXT    NOT NULL,
    must_change   BOOLEAN NOT NULL,
    locked_at_ms  BIGINT,
    created_at_ms BIGINT  NOT NULL,
    created_by    TEXT    NOT NULL
);
CREATE INDEX accounts_of_home ON accounts (home, account_no);

CREATE TABLE grants (
    grant_no      BIGINT NOT NULL PRIMARY KEY,
    account_no    BIGINT NOT NULL REFERENCES accounts (account_no),
    role          TEXT   NOT NULL,
    scope         TEXT   NOT NULL,
    granted_at_ms BIGINT NOT NULL,
    granted_by    TEXT   NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX grants_of_account ON grants (account_no);
CREATE INDEX grants_of_scope ON grants (scope, role) WHERE revoked_at_ms IS NULL;

-- Both kinds of secret are kept as SHA-256: they are random, so that nothing slower is needed.
CREATE TABLE sessions (
    secret        TEXT   NOT NULL PRIMARY KEY,
    account_no    BIGINT NOT NULL REFERENCES accounts (account_no),
    csrf          TEXT   NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account_no);

CREATE TABLE api_keys (
    key_no        BIGINT NOT NULL PRIMARY KEY,
    secret        TEXT   NOT NULL UNIQUE,
    account_no    BIGINT NOT NULL REFERENCES accounts (account_no),
    name          TEXT   NOT NULL,
    scope         TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);
CREATE INDEX api_keys_of_account ON api_keys (account_no, key_no);

-- Failed logins by what was typed, whether there is such an account or not: neither answer nor time tells.
CREATE TABLE login_failures (
    typed            TEXT   NOT NULL PRIMARY KEY,
    failures         BIGINT NOT NULL,
    blocked_until_ms BIGINT NOT NULL,
    last_at_ms       BIGINT NOT NULL
);
