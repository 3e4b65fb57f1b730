-- works with: 3

-- Groups of people, managed policies, and what these are attached to.
CREATE TABLE person_group (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE group_member (
    person_group TEXT NOT NULL REFERENCES person_group (id),
    person       TEXT NOT NULL REFERENCES person (id),
    PRIMARY KEY (person_group, person)
);

CREATE INDEX group_member_by_person ON group_member (person);

CREATE TABLE managed_policy (
    arn        TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    document   TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- policy refers to no row: some policies are built into the program.
CREATE TABLE policy_attachment (
    kind   TEXT NOT NULL, -- person, group, role, service-user or account
    target TEXT NOT NULL, -- id
    policy TEXT NOT NULL, -- ARN
    PRIMARY KEY (kind, target, policy)
);

CREATE INDEX policy_attachment_by_policy ON policy_attachment (policy);

-- What tokens are made for, and whose tokens are taken for them.
CREATE TABLE resource (
    account    TEXT NOT NULL REFERENCES account (id),
    identifier TEXT NOT NULL,
    service    TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (account, identifier)
);

CREATE INDEX resource_by_identifier ON resource (identifier);

CREATE TABLE trusted_issuer (
    id         TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    issuer     TEXT NOT NULL,
    audience   TEXT NOT NULL,
    rules      TEXT NOT NULL, -- JSON
    created_ms BIGINT NOT NULL,
    UNIQUE (issuer, audience)
);

-- Clients that registered themselves. Ids begin with their time.
CREATE TABLE dynamic_client (
    id         BYTEA NOT NULL PRIMARY KEY, -- 16 bytes
    metadata   TEXT NOT NULL, -- JSON
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX dynamic_client_by_expiry ON dynamic_client (expires_ms);

-- How often the refresh token of a dynamic client's session was rotated; no row: never.
CREATE TABLE session_generation (
    session    BYTEA NOT NULL PRIMARY KEY, -- 16 bytes; its row of session may be swept already
    generation BIGINT NOT NULL,
    at_ms      BIGINT NOT NULL,
    request    BYTEA NOT NULL, -- SHA-256
    end_ms     BIGINT NOT NULL
);

-- What the control plane operations write.
CREATE TABLE permission_statement (
    account      TEXT NOT NULL REFERENCES account (id),
    id           TEXT NOT NULL,
    statement    TEXT NOT NULL, -- JSON
    client_token TEXT NOT NULL, -- empty: none
    request      BYTEA NOT NULL, -- SHA-256
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);

CREATE UNIQUE INDEX permission_statement_by_client_token ON permission_statement (account, client_token) WHERE client_token <> '';

CREATE TABLE console_authorization (
    account    TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    created_ms BIGINT NOT NULL
);

CREATE TABLE propagation_application (
    account    TEXT NOT NULL REFERENCES account (id),
    instance   TEXT NOT NULL,
    arn        TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (account, instance)
);
