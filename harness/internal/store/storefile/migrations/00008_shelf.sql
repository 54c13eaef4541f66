-- +goose Up

-- When the user put a run out of sight; NULL: they did not. Like tags, these are
-- what the user of this store says about a run.
ALTER TABLE runs ADD COLUMN archived_at INTEGER;
-- In the trash: it can be taken out again until the trash is emptied.
ALTER TABLE runs ADD COLUMN deleted_at INTEGER;
