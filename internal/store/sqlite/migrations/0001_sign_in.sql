-- Times are milliseconds since the epoch, UTC. Text is compared byte by byte.

-- One row for each redeemed code. The primary key makes a code single-use; ids begin with their time, so rows arrive
-- near the end of the table. There is no index on the end: it makes this insert an eighth dearer.
CREATE TABLE session (
    id        BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
    end_ms    INTEGER NOT NULL,
    start_ms  INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,
    auth_ms   INTEGER NOT NULL,
    proof_key BLOB    NOT NULL, -- SHA-256 thumbprint; zeros: bound to no key
    client    TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    role_id   TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    person_id TEXT    NOT NULL,
    methods   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT, because a number must not come again after its notice was swept.
CREATE TABLE notice (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    reason     INTEGER NOT NULL,
    subject    TEXT    NOT NULL,
    at_ms      INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX notice_by_expiry ON notice (expires_ms);

CREATE TABLE account (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE person (
    id                  TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    password_hash       TEXT    NOT NULL, -- argon2id, PHC form
    disabled            INTEGER NOT NULL, -- 0 or 1
    created_ms          INTEGER NOT NULL,
    password_changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE role (
    id         TEXT    NOT NULL PRIMARY KEY,
    account    TEXT    NOT NULL REFERENCES account (id),
    name       TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

CREATE TABLE assignment (
    person TEXT NOT NULL REFERENCES person (id),
    role   TEXT NOT NULL REFERENCES role (id),
    PRIMARY KEY (person, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE service_user (
    id         TEXT    NOT NULL PRIMARY KEY,
    account    TEXT    NOT NULL REFERENCES account (id),
    name       TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

-- ring_key refers to no row: the ring forgets a key when nothing that it sealed is good any more.
CREATE TABLE access_key (
    id           TEXT    NOT NULL PRIMARY KEY,
    service_user TEXT    NOT NULL REFERENCES service_user (id),
    ring_key     INTEGER NOT NULL,
    disabled     INTEGER NOT NULL, -- 0 or 1
    created_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE client (
    id        TEXT NOT NULL PRIMARY KEY,
    name      TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES service_user (id)
) STRICT;

CREATE TABLE client_redirect (
    client   TEXT    NOT NULL REFERENCES client (id),
    position INTEGER NOT NULL, -- 0 first
    uri      TEXT    NOT NULL,
    PRIMARY KEY (client, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE ring_key (
    id          INTEGER NOT NULL PRIMARY KEY,
    purpose     TEXT    NOT NULL,
    created_ms  INTEGER NOT NULL,
    use_from_ms INTEGER NOT NULL,
    expires_ms  INTEGER, -- NULL: never
    wrapped     BLOB    NOT NULL,
    public_id   TEXT    NOT NULL
) STRICT;
