-- works with: 1

-- What became of the database as a whole. No row: it is in use.
CREATE TABLE relocation (
    id    BIGINT NOT NULL PRIMARY KEY, -- 1
    state TEXT   NOT NULL, -- copying or moved
    place TEXT   NOT NULL, -- where from, or where to
    at_ms BIGINT NOT NULL
);
