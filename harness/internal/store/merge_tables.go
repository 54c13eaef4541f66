package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// tables says how each table of the schema is merged. It is read from the schema itself, so that no
// column or table of a later migration is forgotten.
type tables struct {
	runs   []string // columns of runs
	owned  []ownedTable
	shared []sharedTable
}

// ownedTable has rows that belong to one run.
type ownedTable struct {
	name    string
	key     string   // the column that holds the run's id
	id      string   // a number that each store assigns itself; "" if there is none
	columns []string // all but id
	parts   []partTable
	// joins is set for a table that says which shared rows, such as sweeps, a run belongs to. After
	// merging, a run belongs to all that either store knows of.
	joins bool
}

// partTable has rows that belong to one row of an owned table.
type partTable struct {
	name    string
	key     string   // the column that holds the owner's id
	columns []string // all but key
}

// sharedTable has rows that several runs may refer to.
type sharedTable struct {
	name    string
	key     string // the column that is referred to
	columns []string
	from    string // the owned table that refers to it
	by      string // the column of that table with the reference
	fromKey string // the column of that table with the id of the run
}

// References are merged separately: they belong to a dataset, not to a run.
const tableReferences = "reference_metrics"

// tableIdentity is not merged: it tells one store from another.
const tableIdentity = "identity"

// kept tells whether the rows of a table stay when the run is replaced.
func (t ownedTable) kept() bool { return t.joins || slices.Contains(labelTables, t.name) }

// Labels are what users say about a run. If a run is in two stores, each store keeps its own.
var (
	labelTables  = []string{"run_tags"}
	labelColumns = []string{"slug", "notes", "archived_at", "deleted_at"} // of runs
)

const (
	queryTableColumns = `SELECT t.name, c.name, c.type = 'INTEGER' AND c.pk = 1 AND
		(SELECT count(*) FROM pragma_table_info(t.name) WHERE pk > 0) = 1
		FROM main.sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT GLOB 'sqlite_*' AND t.name <> 'goose_db_version' ORDER BY t.name, c.cid`
	queryForeignKeys = `SELECT t.name, k."from", k."table", coalesce(k."to", (SELECT name FROM pragma_table_info(k."table") WHERE pk = 1))
		FROM main.sqlite_schema t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table' ORDER BY t.name, k.id, k.seq`
)

// reference is a foreign key.
type reference struct{ table, column, to, toColumn string }

// readTables sorts the tables of the schema by what refers to what. It is an error if a table
// cannot be placed, since its rows would be lost.
func readTables(ctx context.Context, db *sql.DB) (tables, error) {
	columns, ids, err := readColumns(ctx, db)
	if err != nil {
		return tables{}, err
	}
	references, err := readReferences(ctx, db)
	if err != nil {
		return tables{}, err
	}
	t := tables{runs: columns["runs"]}
	placed := []string{"runs", tableReferences, tableIdentity}
	for _, r := range references {
		if r.to == "runs" && !slices.Contains(placed, r.table) {
			placed = append(placed, r.table)
			t.owned = append(t.owned, ownedTable{name: r.table, key: r.column, id: ids[r.table], columns: without(columns[r.table], ids[r.table])})
		}
	}
	for _, r := range references {
		for i := range t.owned {
			owner := &t.owned[i]
			switch {
			case r.to == owner.name && r.toColumn == owner.id && ids[r.table] == "":
				placed = append(placed, r.table)
				owner.parts = append(owner.parts, partTable{name: r.table, key: r.column, columns: without(columns[r.table], r.column)})
			case r.table == owner.name && r.to != "runs" && ids[r.to] == "":
				placed = append(placed, r.to)
				owner.joins = owner.id == ""
				t.shared = append(t.shared, sharedTable{name: r.to, key: r.toColumn, columns: columns[r.to], from: owner.name,
					by: r.column, fromKey: owner.key})
			}
		}
	}
	for name := range columns {
		if !slices.Contains(placed, name) {
			return tables{}, fmt.Errorf("merging does not know what belongs to what in the table %s", name)
		}
	}
	return t, nil
}

// readColumns returns the columns of each table, and for each table that has one the column that
// SQLite numbers by itself.
func readColumns(ctx context.Context, db *sql.DB) (columns map[string][]string, ids map[string]string, err error) {
	rows, err := db.QueryContext(ctx, queryTableColumns)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	columns, ids = map[string][]string{}, map[string]string{}
	for rows.Next() {
		var table, column string
		var isID bool
		if err := rows.Scan(&table, &column, &isID); err != nil {
			return nil, nil, err
		}
		columns[table] = append(columns[table], column)
		if isID {
			ids[table] = column
		}
	}
	return columns, ids, rows.Err()
}

func readReferences(ctx context.Context, db *sql.DB) ([]reference, error) {
	rows, err := db.QueryContext(ctx, queryForeignKeys)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.table, &r.column, &r.to, &r.toColumn); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Statements about tables that are named in the schema; {…} stands for a name or a list of columns.
// Parameter ?1 is the id of the run or row in the source, ?2 is the one it has here.
const (
	templateInsertRun = `INSERT INTO main.runs (id, slug, {columns}) SELECT id, ?2, {columns} FROM source.runs WHERE id = ?1`
	templateUpdateRun = `UPDATE main.runs SET ({columns}) = (SELECT {columns} FROM source.runs WHERE id = ?1) WHERE id = ?1`

	templateCopy = `INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM source."{table}" WHERE "{key}" = ?1`
	templateJoin = `INSERT INTO main."{table}" ({columns}) SELECT {columns}
		FROM source."{table}" WHERE "{key}" = ?1 ON CONFLICT DO NOTHING`
	templateIDs      = `SELECT "{id}" FROM source."{table}" WHERE "{key}" = ?1 ORDER BY "{id}"`
	templateCopyRow  = `INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM source."{table}" WHERE "{id}" = ?1`
	templateCopyPart = `INSERT INTO main."{part}" ("{part key}", {columns}) SELECT ?2, {columns} FROM source."{part}" WHERE "{part key}" = ?1`
	templateShare    = `INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM source."{table}"
		WHERE "{key}" IN (SELECT "{by}" FROM source."{from}" WHERE "{from key}" = ?1) ORDER BY "{key}" ON CONFLICT DO NOTHING`
	templateShareAll = `INSERT INTO main."{table}" ({columns}) SELECT {columns}
		FROM source."{table}" WHERE true ORDER BY "{key}" ON CONFLICT DO NOTHING`

	templateDelete     = `DELETE FROM main."{table}" WHERE "{key}" = ?1`
	templateDeletePart = `DELETE FROM main."{part}" WHERE "{part key}" IN (SELECT "{id}" FROM main."{table}" WHERE "{key}" = ?1)`

	// Whether {a} has rows of a run that {b} lacks.
	templateMore = `SELECT EXISTS (SELECT {columns} FROM {a}."{table}" WHERE "{key}" = ?1
		EXCEPT SELECT {columns} FROM {b}."{table}" WHERE "{key}" = ?1)
		OR (SELECT count(*) FROM {a}."{table}" WHERE "{key}" = ?1) > (SELECT count(*) FROM {b}."{table}" WHERE "{key}" = ?1)`
	templateMoreParts = `SELECT EXISTS (
		SELECT {owner columns}, {part columns} FROM {a}."{table}" o JOIN {a}."{part}" p ON p."{part key}" = o."{id}" WHERE o."{key}" = ?1
		EXCEPT SELECT {owner columns}, {part columns} FROM {b}."{table}" o JOIN {b}."{part}" p ON p."{part key}" = o."{id}" WHERE o."{key}" = ?1)`
)

// fill puts the names of an owned table, and further pairs as for [strings.NewReplacer], into a
// template.
func (t ownedTable) fill(template string, pairs ...string) string {
	return fill(template, append(pairs, "{table}", t.name, "{key}", t.key, "{id}", t.id, "{columns}", quotedNames("", t.columns))...)
}

// fillPart does the same for a part of the table.
func (t ownedTable) fillPart(p partTable, template string, pairs ...string) string {
	return t.fill(template, append(pairs, "{part}", p.name, "{part key}", p.key, "{columns}", quotedNames("", p.columns),
		"{owner columns}", quotedNames("o.", t.columns), "{part columns}", quotedNames("p.", p.columns))...)
}

func (t sharedTable) fill(template string) string {
	return fill(template, "{table}", t.name, "{key}", t.key, "{columns}", quotedNames("", t.columns), "{by}", t.by, "{from}",
		t.from, "{from key}", t.fromKey)
}

func fill(template string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(template)
}

// quotedNames lists columns, each with a prefix such as "o.".
func quotedNames(prefix string, columns []string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = prefix + `"` + c + `"`
	}
	return strings.Join(names, ", ")
}

func without(columns []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return slices.Contains(names, c) })
}
