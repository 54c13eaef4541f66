-- +goose Up

-- With the config hash it says whether a run would be the same if it were made
-- again.
ALTER TABLE runs ADD COLUMN code_version TEXT NOT NULL DEFAULT '';
-- Id of the run whose training this one took over; '': it was trained itself.
ALTER TABLE runs ADD COLUMN trained_by TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_config ON runs (config_hash, id);

CREATE TABLE sweeps (
    name        TEXT PRIMARY KEY CHECK (name <> ''),
    source_yaml TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- The runs that a sweep made or found made. A run can belong to several.
CREATE TABLE sweep_runs (
    sweep   TEXT NOT NULL REFERENCES sweeps (name) ON DELETE CASCADE,
    run_id  TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    variant TEXT NOT NULL,                          -- what the sweep calls it
    setting TEXT NOT NULL CHECK (json_valid(setting)), -- what distinguishes it: config path → value
    PRIMARY KEY (sweep, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_runs_by_run ON sweep_runs (run_id);
