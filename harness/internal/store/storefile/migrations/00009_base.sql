-- +goose Up

-- What the config inherits from, resolved by itself; '': it does not inherit, or
-- the run is older than this column.
ALTER TABLE run_records ADD COLUMN base_yaml TEXT NOT NULL DEFAULT '';
