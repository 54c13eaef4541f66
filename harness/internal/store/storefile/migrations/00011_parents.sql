-- +goose Up

-- The run whose weights this one began with, and after how many of its updates;
-- '': it began with random weights, or with those of a file. The parent may be in
-- another store, or gone.
ALTER TABLE runs ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN parent_step INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent <> '';

-- The file whose weights were drawn from, where they are not the run's own.
ALTER TABLE samples ADD COLUMN weights_file TEXT NOT NULL DEFAULT '';
ALTER TABLE samples ADD COLUMN weights_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluations ADD COLUMN weights_file TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluations ADD COLUMN weights_sha256 TEXT NOT NULL DEFAULT '';
