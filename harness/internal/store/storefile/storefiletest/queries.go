package storefiletest

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var statement = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|WITH|ATTACH|VACUUM)\b`)

// CheckQueries prepares all SQL statements of the package under test, which are the constants and
// variables whose names begin with "query". Those that are not plain literals must be passed in
// computed, by name. It is an error if SQL stands anywhere else, except in what is named
// "template…", which is filled in at run time. It returns the number of statements.
func CheckQueries(t *testing.T, db *sql.DB, computed map[string]string) int {
	t.Helper()
	queries, outside := statements(t, computed)
	for _, text := range outside {
		if !startsOne(computed, text) {
			t.Errorf("a statement outside the query constants: %s", text)
		}
	}
	for name, query := range queries {
		stmt, err := db.Prepare(query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		stmt.Close()
	}
	return len(queries)
}

// statements returns the statements of the package in the working directory, by name, and other
// literals that begin like one.
func statements(t *testing.T, computed map[string]string) (queries map[string]string, outside []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	queries = map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				return !strings.HasPrefix(n.Names[0].Name, "template") && !takeQuery(t, queries, computed, n)
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && statement.MatchString(text) {
					outside = append(outside, text)
				}
			}
			return true
		})
	}
	return queries, outside
}

// takeQuery adds a declaration to the queries, if it is one.
func takeQuery(t *testing.T, queries, computed map[string]string, n *ast.ValueSpec) bool {
	t.Helper()
	name := n.Names[0].Name
	if !strings.HasPrefix(name, "query") {
		return false
	}
	if len(n.Values) == 1 {
		if lit, ok := n.Values[0].(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				queries[name] = text
				return true
			}
		}
	}
	if computed[name] == "" {
		t.Errorf("%s is put together: the test must give it", name)
	}
	queries[name] = computed[name]
	return true
}

func startsOne(computed map[string]string, text string) bool {
	for _, query := range computed {
		if strings.HasPrefix(query, text) {
			return true
		}
	}
	return false
}
