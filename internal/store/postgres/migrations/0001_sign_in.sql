-- Times are milliseconds since the epoch, UTC. Text is compared byte by byte: all collations that a database can have as
-- its own are deterministic, so that texts are equal when their bytes are; lists are put in order by the driver.

-- One row for each redeemed code. The primary key makes a code single-use; ids begin with their time, so rows arrive
-- near the end of the table. There is no index on the end: it would make this insert dearer.
CREATE TABLE session (
    id        BYTEA  NOT NULL PRIMARY KEY, -- 16 bytes
    end_ms    BIGINT NOT NULL,
    start_ms  BIGINT NOT NULL,
    issued_ms BIGINT NOT NULL,
    auth_ms   BIGINT NOT NULL,
    proof_key BYTEA  NOT NULL, -- SHA-256 thumbprint; zeros: bound to no key
    client    TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    role      TEXT   NOT NULL,
    role_id   TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    person_id TEXT   NOT NULL,
    methods   TEXT   NOT NULL
);

-- The only row holds the last number that a notice got. A transaction that gives notice keeps it locked to its end, so
-- numbers rise in the order of commits. A sequence would not do: it gives numbers out in the order of asking.
CREATE TABLE notice_counter (
    id   BIGINT NOT NULL PRIMARY KEY, -- 1
    last BIGINT NOT NULL
);

INSERT INTO notice_counter (id, last) VALUES (1, 0);

CREATE TABLE notice (
    seq        BIGINT NOT NULL PRIMARY KEY,
    reason     BIGINT NOT NULL,
    subject    TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX notice_by_expiry ON notice (expires_ms);

CREATE TABLE account (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE person (
    id                  TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    password_hash       TEXT    NOT NULL, -- argon2id, PHC form
    disabled            BOOLEAN NOT NULL,
    created_ms          BIGINT  NOT NULL,
    password_changed_ms BIGINT  NOT NULL
);

CREATE TABLE role (
    id         TEXT   NOT NULL PRIMARY KEY,
    account    TEXT   NOT NULL REFERENCES account (id),
    name       TEXT   NOT NULL,
    policy     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account, name)
);

CREATE TABLE assignment (
    person TEXT NOT NULL REFERENCES person (id),
    role   TEXT NOT NULL REFERENCES role (id),
    PRIMARY KEY (person, role)
);

CREATE TABLE service_user (
    id         TEXT   NOT NULL PRIMARY KEY,
    account    TEXT   NOT NULL REFERENCES account (id),
    name       TEXT   NOT NULL,
    policy     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (account, name)
);

-- ring_key refers to no row: the ring forgets a key when nothing that it sealed is good any more.
CREATE TABLE access_key (
    id           TEXT    NOT NULL PRIMARY KEY,
    service_user TEXT    NOT NULL REFERENCES service_user (id),
    ring_key     BIGINT  NOT NULL,
    disabled     BOOLEAN NOT NULL,
    created_ms   BIGINT  NOT NULL
);

CREATE TABLE client (
    id        TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES service_user (id)
);

CREATE TABLE client_redirect (
    client   TEXT   NOT NULL REFERENCES client (id),
    position BIGINT NOT NULL, -- 0 first
    uri      TEXT   NOT NULL,
    PRIMARY KEY (client, position)
);

CREATE TABLE ring_key (
    id          BIGINT NOT NULL PRIMARY KEY,
    purpose     TEXT   NOT NULL,
    created_ms  BIGINT NOT NULL,
    use_from_ms BIGINT NOT NULL,
    expires_ms  BIGINT, -- NULL: never
    wrapped     BYTEA  NOT NULL,
    public_id   TEXT   NOT NULL
);
