-- +goose Up

-- One row a series, with a summary of its points, so that lists and comparisons
-- never read the points themselves.
--
-- Values are ANY, not REAL: a REAL column stores -0.0 as 0. NULL stands for
-- NaN, which SQLite cannot store.
CREATE TABLE series (
    id        INTEGER PRIMARY KEY,
    run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name      TEXT NOT NULL CHECK (name <> ''), -- train/loss; time/<phase> in seconds
    count     INTEGER NOT NULL DEFAULT 0,
    last_step INTEGER NOT NULL DEFAULT 0,
    last      ANY,
    min       ANY, -- of the points that are not NaN, as are max and sum
    max       ANY,
    sum       ANY,
    UNIQUE (run_id, name)
) STRICT;

CREATE TABLE points (
    series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    step      INTEGER NOT NULL,
    value     ANY,
    PRIMARY KEY (series_id, step)
) STRICT, WITHOUT ROWID;
