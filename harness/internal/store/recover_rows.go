package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
	"github.com/oklog/ulid/v2"

	"flowharness/harness/internal/sqlitefile"
	"flowharness/harness/internal/store/storefile"
)

// salvage fills a new store with the rows of a damaged one.
type salvage struct {
	tx      *sql.Tx
	file    *sqlitefile.File
	options RecoverOptions

	tables  []salvageTable
	roots   map[int]string // names of tables and indexes of the damaged file, by their root page
	inserts map[insertion]*sql.Stmt

	series  map[int64]seriesName // from the index of series
	tags    []runTag             // from pages whose table is not known
	lost    map[string][]string  // by id of the run
	dropped []string
}

// seriesName is what an index says about a series.
type seriesName struct{ runID, name string }

// runTag is a tag of a run, or perhaps the name of a sweep: an index of sweeps has rows of the same
// form.
type runTag struct{ runID, tag string }

// salvageTable is a table of the schema, with its columns in the order in which they are stored. In
// a table WITHOUT ROWID the key comes first.
type salvageTable struct {
	name     string
	numbered bool // rows have a number of their own
	columns  []salvageColumn
}

type salvageColumn struct {
	name      string
	is        string // the type, of a STRICT table
	required  bool   // it cannot be NULL
	byDefault bool   // it can be left out
	isNumber  bool   // it is the number of the row
}

const querySalvageColumns = `SELECT t.name, NOT t.wr, c.name, c.type, c."notnull" OR c.pk > 0, c.dflt_value IS NOT NULL OR NOT c."notnull",
	NOT t.wr AND c.type = 'INTEGER' AND c.pk = 1
	FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
	WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT GLOB 'sqlite_*'
	ORDER BY t.name, iif(t.wr AND c.pk > 0, c.pk, 1000 + c.cid)`

func (s *salvage) readTables(ctx context.Context) error {
	rows, err := s.tx.QueryContext(ctx, querySalvageColumns)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t salvageTable
		var c salvageColumn
		if err := rows.Scan(&t.name, &t.numbered, &c.name, &c.is, &c.required, &c.byDefault, &c.isNumber); err != nil {
			return err
		}
		if n := len(s.tables); n == 0 || s.tables[n-1].name != t.name {
			s.tables = append(s.tables, t)
		}
		last := &s.tables[len(s.tables)-1]
		last.columns = append(last.columns, c)
	}
	return rows.Err()
}

const (
	schemaRoot       = 1
	tableMigrations  = "goose_db_version"
	indexOfSeries    = "sqlite_autoindex_series_1" // run_id, name → id
	earliestPossible = 100_000_000_000             // milliseconds since 1970: no run is older, and no step is this large
)

// readSchema finds out which tree of pages belongs to which table, as far as the file still says
// so.
func (s *salvage) readSchema(ctx context.Context) error {
	s.roots = map[int]string{}
	entries := map[int]sqlitefile.Row{}
	_, err := s.file.Rows(ctx, func(int) bool { return true }, func(r sqlitefile.Row) error {
		if root, _, ok := schemaEntry(r); ok {
			if known, taken := entries[root]; !taken || known.Root != schemaRoot {
				entries[root] = r
			}
		}
		return nil
	})
	for root, r := range entries {
		_, s.roots[root], _ = schemaEntry(r)
	}
	s.roots[schemaRoot] = "sqlite_schema"
	return err
}

// schemaEntry tells whether a row belongs to SQLite's list of tables and indexes.
func schemaEntry(r sqlitefile.Row) (root int, name string, ok bool) {
	if !r.Numbered || len(r.Values) != 5 {
		return 0, "", false
	}
	what, _ := r.Values[0].(string)
	name, named := r.Values[1].(string)
	page, paged := r.Values[3].(int64)
	return int(page), name, (what == "table" || what == "index") && named && paged && page > 1
}

// rows inserts all rows. Those whose table is known come first, so that they win over rows on pages
// that nothing refers to any more.
func (s *salvage) rows(ctx context.Context) error {
	defer func() {
		for _, stmt := range s.inserts {
			stmt.Close()
		}
	}()
	if _, err := s.tx.ExecContext(ctx, queryNoIdentity); err != nil {
		return err
	}
	for pass, known := range []bool{true, false} {
		ours := func(root int) bool { _, ok := s.roots[root]; return ok == known }
		shown := 0
		_, err := s.file.Rows(ctx, ours, func(r sqlitefile.Row) error {
			if s.options.Observe != nil && r.Page != shown {
				shown = r.Page
				s.options.Observe((s.file.Pages()*pass+r.Page)/2, s.file.Pages())
			}
			return s.row(ctx, r)
		})
		if err != nil {
			return err
		}
	}
	if s.options.Observe != nil {
		s.options.Observe(s.file.Pages(), s.file.Pages())
	}
	return nil
}

// queryNoIdentity makes way for the id of the damaged store, whose place the new one takes.
const queryNoIdentity = `DELETE FROM identity`

func (s *salvage) row(ctx context.Context, r sqlitefile.Row) error {
	name, known := s.roots[r.Root]
	if name == indexOfSeries || !known && ofSeriesIndex(r) {
		if ofSeriesIndex(r) {
			s.series[r.Values[2].(int64)] = seriesName{r.Values[0].(string), r.Values[1].(string)}
		}
		return nil
	}
	if name == tableMigrations {
		return checkMigration(r)
	}
	var fitting []salvageTable
	for _, t := range s.tables {
		if t.name == tableMigrations || t.name == tableBlocks || known && t.name != name {
			continue // blocks are made from the points
		}
		if t.fits(r) && (known || t.typical(r)) {
			fitting = append(fitting, t)
		}
	}
	if len(fitting) != 1 {
		return nil // it belongs to an index, or it fits several tables
	}
	if t := fitting[0]; !known && t.name == tableTags {
		s.tags = append(s.tags, runTag{r.Values[0].(string), r.Values[1].(string)})
		return nil
	}
	return s.insert(ctx, fitting[0], r)
}

const (
	tableBlocks = "blocks"
	tableTags   = "run_tags"
)

func ofSeriesIndex(r sqlitefile.Row) bool {
	if r.Numbered || len(r.Values) != 3 {
		return false
	}
	_, named := r.Values[1].(string)
	_, numbered := r.Values[2].(int64)
	return isRunID(r.Values[0]) && named && numbered
}

func isRunID(v any) bool {
	text, ok := v.(string)
	if !ok {
		return false
	}
	_, err := ulid.ParseStrict(text)
	return err == nil
}

// checkMigration refuses a file of a newer schema, since part of its contents would be lost.
func checkMigration(r sqlitefile.Row) error {
	if len(r.Values) < 2 {
		return nil
	}
	version, _ := r.Values[1].(int64)
	return storefile.CheckVersion(version)
}

// fits tells whether a row can belong to the table, judged by the number and the types of its
// values.
func (t salvageTable) fits(r sqlitefile.Row) bool {
	if r.Numbered != t.numbered || len(r.Values) > len(t.columns) {
		return false
	}
	for i, c := range t.columns {
		if i >= len(r.Values) {
			if !c.byDefault {
				return false
			}
		} else if !c.takes(r.Values[i]) {
			return false
		}
	}
	return true
}

func (c salvageColumn) takes(v any) bool {
	if c.isNumber {
		return v == nil // it is not stored
	}
	switch v.(type) {
	case nil:
		return !c.required
	case int64:
		return c.is == "INTEGER" || c.is == "REAL" || c.is == "ANY"
	case float64:
		return c.is == "REAL" || c.is == "ANY"
	case string:
		return c.is == "TEXT" || c.is == "ANY"
	}
	return c.is == "BLOB" || c.is == "ANY"
}

// typical tells whether the values look like those of the columns. Types alone do not decide, since
// rows of an index can have the same.
func (t salvageTable) typical(r sqlitefile.Row) bool {
	for i, v := range r.Values {
		switch c := t.columns[i]; {
		case c.name == "run_id" || c.name == "id" && t.name == "runs":
			if !isRunID(v) {
				return false
			}
		case c.is == "INTEGER" && (c.name == "at" || strings.HasSuffix(c.name, "_at")):
			if at, ok := v.(int64); ok && c.name != "pid_started_at" && at < earliestPossible {
				return false
			}
		}
	}
	return t.name != tableIdentity // any text could be an id
}

// insertion identifies a statement: a table and a number of columns.
type insertion struct {
	table  string
	values int
}

const templateSalvage = `INSERT OR IGNORE INTO main."{table}" ({columns}) VALUES (?{more})`

func (s *salvage) insert(ctx context.Context, t salvageTable, r sqlitefile.Row) error {
	if t.name == tableImages && !pictureIntact(r.Values) {
		return nil
	}
	values := slices.Clone(r.Values)
	names := make([]string, len(values))
	for i, c := range t.columns[:len(values)] {
		names[i] = c.name
		if c.isNumber {
			values[i] = r.Number
		}
	}
	key := insertion{t.name, len(values)}
	stmt, ok := s.inserts[key]
	if !ok {
		var err error
		stmt, err = s.tx.PrepareContext(ctx, fill(templateSalvage, "{table}", t.name, "{columns}", quotedNames("", names), "{more}",
			strings.Repeat(", ?", len(values)-1)))
		if err != nil {
			return err
		}
		s.inserts[key] = stmt
	}
	_, err := stmt.ExecContext(ctx, values...)
	if e, ok := errors.AsType[sqlite3.Error](err); ok && e.Code == sqlite3.ErrConstraint {
		return nil // it only looked like a row
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// pictureIntact tells whether a picture has the hash that it is stored under.
func pictureIntact(values []any) bool {
	hash, named := values[0].(string)
	png, ok := values[1].([]byte)
	sum := sha256.Sum256(png)
	return named && ok && hash == hex.EncodeToString(sum[:])
}
