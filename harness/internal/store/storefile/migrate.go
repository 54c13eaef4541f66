package storefile

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations returns the SQL files that create the schema, in the form that goose reads.
func Migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // cannot happen: the name is valid
	}
	return files
}

// migrate applies the migrations that the file does not have yet, each in its own transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	p, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// NewestVersion is the newest schema version that this build knows.
func NewestVersion() (int64, error) {
	known, err := knownVersions()
	if err != nil {
		return 0, err
	}
	return known[len(known)-1], nil
}

// knownVersions lists the migrations of this build in order. There may be gaps in the numbers.
var knownVersions = sync.OnceValues(func() ([]int64, error) {
	// The provider needs a database handle even to list its files. This one never connects.
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	p, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	var known []int64
	for _, source := range p.ListSources() {
		known = append(known, source.Version)
	}
	return known, nil
})

func newProvider(db *sql.DB) (*goose.Provider, error) {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, Migrations(),
		goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded migrations: %w", err)
	}
	return p, nil
}

const (
	querySchemaTable   = `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`
	querySchemaVersion = `SELECT version_id FROM goose_db_version WHERE is_applied`
)

// fileVersion returns the schema version of an open file: the number up to which it has all
// migrations of this build. A build that did not know one of them may have applied later ones;
// these do not count. If the file has a migration that is newer than all of this build, that is the
// version.
func fileVersion(ctx context.Context, db *sql.DB) (int64, error) {
	var tables int
	if err := db.QueryRowContext(ctx, querySchemaTable).Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, &Error{Kind: ErrCorrupt, Err: errors.New("it has no schema version")}
	}
	applied, err := appliedVersions(ctx, db)
	if err != nil || len(applied) == 0 {
		return 0, err
	}
	known, err := knownVersions()
	if err != nil {
		return 0, err
	}
	if newest := slices.Max(applied); newest > known[len(known)-1] {
		return newest, nil
	}
	var version int64
	for _, v := range known {
		if !slices.Contains(applied, v) {
			break
		}
		version = v
	}
	return version, nil
}

func appliedVersions(ctx context.Context, db *sql.DB) ([]int64, error) {
	rows, err := db.QueryContext(ctx, querySchemaVersion)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var applied []int64
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		applied = append(applied, version)
	}
	return applied, rows.Err()
}

// CheckVersion returns an error if a schema version is newer than this build, which then could not
// read or keep everything.
func CheckVersion(version int64) error {
	newest, err := NewestVersion()
	if err == nil && version > newest {
		err = &Error{Kind: ErrNewerSchema, Err: fmt.Errorf("its schema version is %d, this harness knows up to %d", version, newest)}
	}
	return err
}
