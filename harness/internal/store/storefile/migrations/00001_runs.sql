-- +goose Up

-- "HRNS": tells a harness store from other SQLite files.
PRAGMA application_id = 1213353555;

-- Small rows only: this table is scanned by lists and updated by every heartbeat.
-- Times are milliseconds since 1970.
CREATE TABLE runs (
    id                TEXT PRIMARY KEY CHECK (length(id) = 26),
    slug              TEXT NOT NULL UNIQUE,
    name              TEXT NOT NULL CHECK (name <> ''),
    status            TEXT NOT NULL CHECK (status IN ('running', 'finished', 'interrupted', 'failed', 'diverged')),
    status_reason     TEXT NOT NULL DEFAULT '',
    config_hash       TEXT NOT NULL,
    seed              TEXT NOT NULL, -- decimal: an unsigned 64-bit number does not fit INTEGER
    process           TEXT NOT NULL,
    dataset           TEXT NOT NULL,
    notes             TEXT NOT NULL DEFAULT '',
    created_at        INTEGER NOT NULL,
    started_at        INTEGER NOT NULL,
    ended_at          INTEGER,
    heartbeat_at      INTEGER NOT NULL,
    last_step         INTEGER NOT NULL DEFAULT 0,
    total_steps       INTEGER NOT NULL DEFAULT 0,
    pid               INTEGER NOT NULL,
    pid_started_at    INTEGER NOT NULL, -- 0: unknown
    host              TEXT NOT NULL,
    boot              TEXT NOT NULL,    -- boot of the host within which pid means something; '': unknown
    peak_memory_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_name ON runs (name, id);
CREATE INDEX runs_running ON runs (id) WHERE status = 'running';

-- The large texts of a run, written once.
CREATE TABLE run_records (
    run_id        TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    source_yaml   TEXT NOT NULL,
    resolved_yaml TEXT NOT NULL,
    overrides     TEXT NOT NULL CHECK (json_valid(overrides)),
    argv          TEXT NOT NULL CHECK (json_valid(argv)),
    environment   TEXT NOT NULL CHECK (json_valid(environment))
) STRICT;

-- The resolved config, one row a value, so that runs can be found by it.
CREATE TABLE run_config (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path   TEXT NOT NULL, -- train.lr
    value  TEXT NOT NULL,
    number REAL,          -- value as a number, if it is one
    PRIMARY KEY (run_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_config_by_value ON run_config (path, value);

CREATE TABLE run_tags (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tag    TEXT NOT NULL CHECK (tag <> ''),
    PRIMARY KEY (run_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tags_by_tag ON run_tags (tag, run_id);
