-- works with: 1

-- The first line of every script from this one on names the oldest schema that a binary may know and still work beside
-- this one. It is kept here; NULL: none that is older.
ALTER TABLE schema_migrations ADD COLUMN works_with INTEGER;

-- A number of notice.seq: who approved had heard of the notices up to it. 0, the first: of none, so all may end the
-- session.
ALTER TABLE session ADD COLUMN as_of INTEGER NOT NULL DEFAULT 0;

-- How far the refresh tokens of a session got.
CREATE TABLE session_step (
    session BLOB    NOT NULL PRIMARY KEY, -- 16 bytes; its row of session may be swept already
    step    INTEGER NOT NULL,
    end_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids begin with their time, so events arrive near the end of the table and leave at its beginning.
CREATE TABLE audit_event (
    id        BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
    at_ms     INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    client    TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    person    TEXT    NOT NULL, -- id; empty: about nobody
    remote    TEXT    NOT NULL,
    detail    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_event_by_person ON audit_event (person, id);
