-- +goose Up

CREATE TABLE logs (
    run_id  TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line    INTEGER NOT NULL, -- from 1
    at      INTEGER NOT NULL,
    level   TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) STRICT, WITHOUT ROWID;
