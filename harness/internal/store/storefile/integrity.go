package storefile

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

const (
	queryIntegrity  = `PRAGMA integrity_check(10)`
	queryQuickCheck = `PRAGMA quick_check(10)`
)

// Integrity reads the whole file and checks its structure. Damage is an error
// that matches [ErrCorrupt] and lists what was found.
func (f *File) Integrity(ctx context.Context) error {
	return f.Failure("checking the store", checkIntegrity(ctx, f.read, queryIntegrity))
}

// checkIntegrity runs a query that lists damage, or "ok".
func checkIntegrity(ctx context.Context, db *sql.DB, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(found) > 0 {
		return &Error{Kind: ErrCorrupt, Err: errors.New(strings.Join(found, "; "))}
	}
	return nil
}
