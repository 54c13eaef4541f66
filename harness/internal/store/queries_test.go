package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEveryQueryFitsTheMigratedSchema prepares every constant of the package
// whose name begins with "query", and checks that SQL statements are kept
// nowhere else but in templates, which merging fills from the schema itself.
func TestEveryQueryFitsTheMigratedSchema(t *testing.T) {
	queries := map[string]string{"queryInsertPoint": queryInsertPoint, "queryInsertPoints": queryInsertPoints,
		"querySelectRuns": querySelectRuns, "queryChooseRuns": queryChooseRuns,
		"queryInsertBlock": queryInsertBlock, "queryInsertBlocks": queryInsertBlocks}
	statement := regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|WITH)\b`)
	for _, name := range get(filepath.Glob("*.go"))(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file := get(parser.ParseFile(token.NewFileSet(), name, nil, 0))(t)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if strings.HasPrefix(n.Names[0].Name, "query") {
					if lit, ok := n.Values[0].(*ast.BasicLit); ok {
						queries[n.Names[0].Name] = get(strconv.Unquote(lit.Value))(t)
					}
					return false
				}
				return !strings.HasPrefix(n.Names[0].Name, "template")
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && statement.MatchString(text) && !strings.HasPrefix(queryInsertPoint, text) && !strings.HasPrefix(queryInsertBlock, text) {
					t.Errorf("a statement outside the query constants: %s", text)
				}
			}
			return true
		})
	}
	if len(queries) < 40 {
		t.Fatalf("found only %d queries", len(queries))
	}
	s := openTemp(t)
	get(s.write.Exec(queryAttach, openTemp(t).Path()))(t) // as merging does
	for name, query := range queries {
		stmt, err := s.write.Prepare(query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		stmt.Close()
	}
}
