// Package storefiletest makes store files for tests, and checks the SQL of packages that use them.
package storefiletest

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"flowharness/harness/internal/store/storefile"
)

// Open opens a new file that is closed at the end of the test.
func Open(t testing.TB) *storefile.File {
	t.Helper()
	f, err := storefile.Open(t.Context(), filepath.Join(t.TempDir(), "harness.db"), storefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Connect opens a separate connection to a file for writing, as another process would. The file is
// created if it does not exist, and need not be a store.
func Connect(t testing.TB, path string) *sql.DB {
	t.Helper()
	uri := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path),
		RawQuery: "_busy_timeout=1000&_foreign_keys=on&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate"}
	db, err := sql.Open("sqlite3", uri.String())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// Older makes a file with an older schema version. The test fills and closes it.
func Older(t testing.TB, path string, version int64) *sql.DB {
	t.Helper()
	db := Connect(t, path)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, storefile.Migrations(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return db
}

// Rows returns what a query of a file or a transaction finds, a slice of values for each row.
func Rows(t testing.TB, in interface {
	Query(query string, args ...any) (*sql.Rows, error)
}, query string, args ...any) (list [][]any) {
	t.Helper()
	rows, err := in.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row := make([]any, len(columns))
		pointers := make([]any, len(row))
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
