package points

import (
	"context"
	"database/sql"
	"encoding/json"
)

const (
	queryNames      = `SELECT DISTINCT name FROM series WHERE count > 0 ORDER BY name`
	queryLastValues = `SELECT run_id, last FROM series WHERE name = ? AND count > 0`
	// NaN is stored as NULL, which avg would leave out.
	queryMeanOfLast = `SELECT s.run_id, (SELECT iif(count(*) = count(value), avg(value), NULL) FROM
		(SELECT value FROM points WHERE series_id = s.id ORDER BY step DESC LIMIT ?)) FROM series s WHERE s.name = ? AND s.count > 0`
	// The same of some runs.
	queryLastValuesOf = queryLastValues + ` AND run_id IN (SELECT value FROM json_each(?))`
	queryMeanOfLastOf = queryMeanOfLast + ` AND s.run_id IN (SELECT value FROM json_each(?))`
)

// Names lists the names of all series of all runs, sorted.
func Names(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, queryNames)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// LastValues returns the latest value of a series for each run that has it, by run id. With ids it
// only returns those of these runs.
func LastValues(ctx context.Context, db *sql.DB, name string, ids ...string) (map[string]float64, error) {
	if len(ids) > 0 {
		return valuesOf(ctx, db, queryLastValuesOf, name, asJSON(ids))
	}
	return valuesOf(ctx, db, queryLastValues, name)
}

// MeanOfLast returns the mean of the latest n points of a series for each run that has it, by run
// id; NaN if one of the points is NaN. With ids it only returns those of these runs.
func MeanOfLast(ctx context.Context, db *sql.DB, name string, n int, ids ...string) (map[string]float64, error) {
	if len(ids) > 0 {
		return valuesOf(ctx, db, queryMeanOfLastOf, n, name, asJSON(ids))
	}
	return valuesOf(ctx, db, queryMeanOfLast, n, name)
}

func asJSON(ids []string) string {
	b, err := json.Marshal(ids)
	if err != nil {
		panic(err) // of texts there is no error
	}
	return string(b)
}

func valuesOf(ctx context.Context, db *sql.DB, query string, args ...any) (map[string]float64, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := map[string]float64{}
	for rows.Next() {
		var id string
		var v Number
		if err := rows.Scan(&id, &v); err != nil {
			return nil, err
		}
		values[id] = float64(v)
	}
	return values, rows.Err()
}
