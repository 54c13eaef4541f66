-- +goose Up

-- Sums of 64 points in a row each, so that curves and comparisons need not read
-- the points themselves. A series has a block for each 64 of its points from
-- the first on; the last points, fewer than that, are in none.
--
-- As in points, values are ANY and NULL stands for NaN.
CREATE TABLE blocks (
    series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    first     INTEGER NOT NULL, -- steps of the first and the last point
    last      INTEGER NOT NULL,
    numbers   INTEGER NOT NULL, -- points that are not NaN; low, high and sum are of those
    low       ANY,
    low_step  INTEGER,          -- the first step of this value
    high      ANY,
    high_step INTEGER,
    sum       ANY,
    nan_step  INTEGER,          -- of the first NaN; NULL: there is none
    PRIMARY KEY (series_id, first)
) STRICT, WITHOUT ROWID;

INSERT INTO blocks
    SELECT series_id, first, last, numbers,
        low, (SELECT step FROM points AS p WHERE p.series_id = b.series_id AND step BETWEEN first AND last AND value = low ORDER BY step LIMIT 1),
        high, (SELECT step FROM points AS p WHERE p.series_id = b.series_id AND step BETWEEN first AND last AND value = high ORDER BY step LIMIT 1),
        sum, nan_step
    FROM (
        SELECT series_id, min(step) AS first, max(step) AS last, count(value) AS numbers,
            min(value) AS low, max(value) AS high, sum(value) AS sum, min(iif(value IS NULL, step, NULL)) AS nan_step
        FROM (SELECT series_id, step, value, (row_number() OVER (PARTITION BY series_id ORDER BY step) - 1) / 64 AS block FROM points)
        GROUP BY series_id, block HAVING count(*) = 64
    ) AS b
    ORDER BY series_id, first;

-- Percentiles of the times of a phase, of all points, by nearest rank. NULL: not
-- known; they are kept when the run ends.
ALTER TABLE series ADD COLUMN p50 ANY;
ALTER TABLE series ADD COLUMN p95 ANY;

UPDATE series SET p50 = ranked.p50, p95 = ranked.p95
    FROM (
        SELECT series_id, max(iif(n = (50 * count + 99) / 100, value, NULL)) AS p50, max(iif(n = (95 * count + 99) / 100, value, NULL)) AS p95
        FROM (
            SELECT p.series_id, p.value, s.count, row_number() OVER (PARTITION BY p.series_id ORDER BY p.value) AS n
            FROM series AS s JOIN runs AS r ON r.id = s.run_id JOIN points AS p ON p.series_id = s.id
            WHERE s.name GLOB 'time/*' AND r.status <> 'running'
        )
        GROUP BY series_id
    ) AS ranked
    WHERE series.id = ranked.series_id;

-- When a run had done how many steps; not of every step.
CREATE TABLE step_times (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step   INTEGER NOT NULL,
    at     INTEGER NOT NULL, -- milliseconds since 1970
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;
