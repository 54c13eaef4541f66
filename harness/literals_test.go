package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	harness "flowharness/harness"
)

// speaksInFlags lists the packages under internal whose strings may name flags or commands, and why.
var speaksInFlags = map[string]string{
	"web":        "a front end: pages show what to type",
	"launch":     "it starts this program, and only commands reach it",
	"slurm":      "flags of Slurm's own commands",
	"backend":    "flags of pip",
	"machine":    "flags of nvidia-smi",
	"config":     "--set stands for the place of a value that the command line gives, as a line stands for one of a file",
	"yamlfile":   "--set, as in config",
	"sweep":      "--set, as in config",
	"classifier": "only commands need one that is not there",
	"dataset":    "only commands need files that are not there",
	"plugin":     "only commands open plugins",
	"experiment": "only commands train and draw",
	"speed":      "only bench measures",
	"files":      "only commands write files that they are told to write",
}

// namesOfFormats are written into files.
var namesOfFormats = []string{"harness run", "harness baseline", `"format": "harness baseline"`}

// TestLibrariesDoNotSpeakInFlags: what a library says is shown by commands and by pages, which have words of their own.
func TestLibrariesDoNotSpeakInFlags(t *testing.T) {
	commands, flags := harness.NamesOfCommandsAndFlags()
	flag, command := regexp.MustCompile(`(?:^|[\s("'])--([a-z][a-z-]*)`), regexp.MustCompile(`\bharness ([a-z]+)`)
	used := map[string]bool{}
	for _, p := range list(t) {
		name, inside := strings.CutPrefix(p.ImportPath, internal)
		if !inside || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		name, _, _ = strings.Cut(name, "/")
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				if slices.Contains(namesOfFormats, text) {
					return true
				}
				found := ""
				for _, m := range flag.FindAllStringSubmatch(text, -1) {
					if flags[m[1]] {
						found = "--" + m[1]
					}
				}
				for _, m := range command.FindAllStringSubmatch(text, -1) {
					if commands[m[1]] {
						found = "harness " + m[1]
					}
				}
				if found == "" {
					return true
				}
				used[name] = true
				if speaksInFlags[name] == "" {
					t.Errorf("%v: names %s", fset.Position(n.Pos()), found)
				}
				return true
			})
		}
	}
	for name := range speaksInFlags {
		if !used[name] {
			t.Errorf("%s may name flags and does not", name)
		}
	}
}

// TestLinesAreShort: Go and templates are read beside each other, or in a diff. Tags of a struct cannot be broken.
func TestLinesAreShort(t *testing.T) {
	const most = 140
	for _, root := range []string{".", "../models", "../schedulers", "../metrics"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".html" || strings.Contains(path, "testdata") {
				return err
			}
			text, err := os.ReadFile(path)
			for i, line := range strings.Split(string(text), "\n") {
				if n := utf8.RuneCountInString(line); n > most && !strings.Contains(line, " `yaml:") {
					t.Errorf("%s:%d: %d columns", path, i+1, n)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
