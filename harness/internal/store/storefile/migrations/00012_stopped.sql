-- +goose Up

-- 1: the search whose trial the run is ended it early, for the reason in
-- status_reason. The status of such a run is 'interrupted', by which it can be
-- resumed; it is shown as 'stopped'.
ALTER TABLE runs ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1));
