package points

import (
	"context"
	"database/sql"
	"encoding/json"
)

const (
	queryNames      = `SELECT DISTINCT name FROM series WHERE count > 0 ORDER BY name`
	queryLastValues = `SELECT run_id, last FROM series WHERE name = ? AND count > 0`
	// A NaN is stored as NULL, which avg leaves out.
	queryMeanOfLast = `SELECT s.run_id, (SELECT iif(count(*) = count(value), avg(value), NULL) FROM
		(SELECT value FROM points WHERE series_id = s.id ORDER BY step DESC LIMIT ?)) FROM series s WHERE s.name = ? AND s.count > 0`
	// The same of some runs.
	queryLastValuesOf = queryLastValues + ` AND run_id IN (SELECT value FROM json_each(?))`
	queryMeanOfLastOf = queryMeanOfLast + ` AND s.run_id IN (SELECT value FROM json_each(?))`
)

// Names lists the series that some run has, sorted.
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

// LastValues returns the latest values of a series, by run id: of the runs with these ids, or of all if there are none.
func LastValues(ctx context.Context, db *sql.DB, name string, ids ...string) (map[string]float64, error) {
	if len(ids) > 0 {
		return valuesOf(ctx, db, queryLastValuesOf, name, asJSON(ids))
	}
	return valuesOf(ctx, db, queryLastValues, name)
}

// MeanOfLast returns the means of the latest n points of a series, by run id, NaN where one of them is: of the runs with these
// ids, or of all if there are none.
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
