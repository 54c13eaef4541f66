-- +goose Up

CREATE TABLE images (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    png    BLOB NOT NULL
) STRICT;

CREATE TABLE samples (
    id           INTEGER PRIMARY KEY,
    run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step         INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    sampler      TEXT NOT NULL,
    sampler_json TEXT NOT NULL CHECK (json_valid(sampler_json)),
    steps        INTEGER NOT NULL,
    guidance     REAL NOT NULL,
    seed         TEXT NOT NULL, -- decimal, as runs.seed
    nfe          INTEGER NOT NULL,
    images       INTEGER NOT NULL,
    seconds      REAL NOT NULL,
    used_ema     INTEGER NOT NULL CHECK (used_ema IN (0, 1)),
    image_sha256 TEXT NOT NULL REFERENCES images (sha256),
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX samples_by_run ON samples (run_id, step);
CREATE INDEX samples_by_image ON samples (image_sha256);
