-- works with: 1

-- A number of notice.seq: who approved had heard of the notices up to it. 0, the first: of none, so all may end the
-- session.
ALTER TABLE session ADD COLUMN as_of BIGINT NOT NULL DEFAULT 0;

-- How far the refresh tokens of a session got.
CREATE TABLE session_step (
    session BYTEA  NOT NULL PRIMARY KEY, -- 16 bytes; its row of session may be swept already
    step    BIGINT NOT NULL,
    end_ms  BIGINT NOT NULL
);

-- Ids begin with their time, so events arrive near the end of the table and leave at its beginning.
CREATE TABLE audit_event (
    id        BYTEA  NOT NULL PRIMARY KEY, -- 16 bytes
    at_ms     BIGINT NOT NULL,
    kind      TEXT   NOT NULL,
    request   TEXT   NOT NULL,
    session   TEXT   NOT NULL,
    client    TEXT   NOT NULL,
    principal TEXT   NOT NULL,
    person    TEXT   NOT NULL, -- id; empty: about nobody
    remote    TEXT   NOT NULL,
    detail    TEXT   NOT NULL
);

CREATE INDEX audit_event_by_person ON audit_event (person, id);
