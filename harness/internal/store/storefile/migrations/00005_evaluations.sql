-- +goose Up

-- Samples that were drawn to be measured, not to be looked at: one row a
-- sampler × step count × guidance scale. The columns they share with samples
-- mean the same.
CREATE TABLE evaluations (
    id           INTEGER PRIMARY KEY,
    run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step         INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    sampler      TEXT NOT NULL,
    sampler_json TEXT NOT NULL CHECK (json_valid(sampler_json)),
    steps        INTEGER NOT NULL,
    guidance     REAL NOT NULL,
    seed         TEXT NOT NULL,
    nfe          INTEGER NOT NULL,
    images       INTEGER NOT NULL,
    seconds      REAL NOT NULL,
    used_ema     INTEGER NOT NULL CHECK (used_ema IN (0, 1)),
    dataset      TEXT NOT NULL, -- they are measured against its test split
    classifier   TEXT NOT NULL, -- SHA-256 of the classifier's weights
    correct      BLOB NOT NULL, -- a byte an image: 1 if it was read as the class asked for
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX evaluations_by_run ON evaluations (run_id, step);

-- As in points, values are ANY and NULL stands for NaN.
CREATE TABLE evaluation_metrics (
    evaluation_id  INTEGER NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
    name           TEXT NOT NULL CHECK (name <> ''),
    value          ANY,
    standard_error ANY, -- NULL: it has none
    PRIMARY KEY (evaluation_id, name)
) STRICT, WITHOUT ROWID;

-- What the same metrics say about real images and about noise: the best and the
-- worst that a model can reach.
CREATE TABLE reference_metrics (
    dataset        TEXT NOT NULL,
    classifier     TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('real', 'noise')),
    images         INTEGER NOT NULL,
    name           TEXT NOT NULL CHECK (name <> ''),
    value          ANY,
    standard_error ANY,
    PRIMARY KEY (dataset, classifier, kind, images, name)
) STRICT, WITHOUT ROWID;
