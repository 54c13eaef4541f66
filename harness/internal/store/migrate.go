package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate applies the migrations that the file does not have yet, each in its
// own transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	p, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// newestVersion is the schema version that this build knows.
func newestVersion() (int64, error) {
	// The provider needs a database handle even to list its files; this one is
	// never connected.
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	p, err := newProvider(db)
	if err != nil {
		return 0, err
	}
	sources := p.ListSources()
	return sources[len(sources)-1].Version, nil
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded migrations: %w", err)
	}
	return p, nil
}

const (
	querySchemaTable   = `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`
	querySchemaVersion = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
)

// fileVersion is the schema version of an open file.
func fileVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	if err := db.QueryRowContext(ctx, querySchemaTable).Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, &Error{Kind: ErrCorrupt, Err: errors.New("it has no schema version")}
	}
	err = db.QueryRowContext(ctx, querySchemaVersion).Scan(&version)
	return version, err
}

// checkVersion refuses what this build cannot bring up to date.
func checkVersion(version, newest int64) error {
	if version > newest {
		return &Error{Kind: ErrNewerSchema, Err: fmt.Errorf("its schema version is %d, this harness knows up to %d", version, newest)}
	}
	return nil
}
