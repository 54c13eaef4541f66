-- +goose Up

-- The store's own id, by which the folders beside it know that they belong to it. A
-- copy of the file has the same.
CREATE TABLE identity (
    id TEXT PRIMARY KEY CHECK (id <> '')
) STRICT, WITHOUT ROWID;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(8))));
