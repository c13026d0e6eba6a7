-- Time-based codes (RFC 6238) as a second factor of accounts with a password.

-- secret: sealed (registry/src/sealed.rs). confirmed_at_ms: none until a first code was right. last_step: the interval of
-- the last code that was taken, so that none is taken twice.
CREATE TABLE second_factors (
    account_no      BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (account_no),
    secret          TEXT   NOT NULL,
    confirmed_at_ms BIGINT,
    last_step       BIGINT NOT NULL
);
