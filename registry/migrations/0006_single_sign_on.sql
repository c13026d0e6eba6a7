-- Single sign-on: who somebody is at the provider, and logins that were begun there.

CREATE TABLE identities (
    issuer      TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    account_no  BIGINT NOT NULL REFERENCES accounts (account_no),
    bound_at_ms BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_of_account ON identities (account_no);

-- state: SHA-256. Taken by the first who comes back with it.
CREATE TABLE sso_attempts (
    state         TEXT   NOT NULL PRIMARY KEY,
    nonce         TEXT   NOT NULL,
    verifier      TEXT   NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
