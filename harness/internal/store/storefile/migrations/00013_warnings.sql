-- +goose Up

-- What a reader of the pictures or of the numbers should know, as it was said when they
-- were drawn: a JSON list of sentences.
ALTER TABLE samples ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings));
ALTER TABLE evaluations ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings));
