package main_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowharness/models"
	_ "flowharness/models/networks"
	"flowharness/schedulers"
)

const (
	module   = "flowharness"
	command  = module + "/harness"
	internal = command + "/internal/"
	graph    = "github.com/gomlx/gomlx/core/graph"
)

// libraries know GoMLX and nothing of the harness, and not each other.
var libraries = []string{module + "/models", module + "/schedulers", module + "/metrics"}

// goPackage is what the tests need of go list's description of a package.
type goPackage struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string // of the package itself, not of its tests
}

func TestImportsGoOneWay(t *testing.T) {
	rules := []struct {
		name    string
		applies func(importer string) bool
		allowed func(importer, imported string) bool
	}{
		{"the libraries import nothing of the harness and not each other",
			func(importer string) bool { return library(importer) != "" },
			func(importer, imported string) bool {
				return !within(imported, module) || within(imported, library(importer))
			}},
		{"nothing imports the commands", everything,
			func(_, imported string) bool { return imported != command }},
		{"training does not know the store",
			func(importer string) bool { return within(importer, internal+"train") },
			func(_, imported string) bool { return !within(imported, internal+"store") }},
		{"comparing does not know training",
			func(importer string) bool {
				return slices.ContainsFunc([]string{"compare", "report", "condition", "baseline", "regression"},
					func(p string) bool { return within(importer, internal+p) })
			},
			func(_, imported string) bool {
				return !slices.ContainsFunc([]string{"train", "experiment", "backend", "checkpoint"},
					func(p string) bool { return within(imported, internal+p) })
			}},
		{"comparing makes values and lays nothing out",
			func(importer string) bool { return importer == internal+"compare" },
			func(_, imported string) bool {
				return !slices.Contains([]string{internal + "report", internal + "chart", "html/template", "encoding/csv"}, imported) &&
					!within(imported, "github.com/jedib0t/go-pretty")
			}},
		{"a report is made of a comparison alone",
			func(importer string) bool { return within(importer, internal+"report") },
			func(_, imported string) bool {
				return !within(imported, module) && imported != "os" && imported != "time" && imported != "context" ||
					slices.Contains([]string{internal + "compare", internal + "chart", internal + "printable"}, imported)
			}},
		{"statistics, charts, Slurm's client, the reader of damaged files, suggestions, the terminal and the names of what is recorded know " +
			"nothing of the harness",
			func(importer string) bool {
				return slices.ContainsFunc([]string{"statistics", "chart", "slurm", "sqlitefile", "record", "suggest", "terminal"},
					func(p string) bool { return within(importer, internal+p) })
			},
			func(_, imported string) bool { return !within(imported, module) }},
		{"sweeps are planned, launched and watched by processes that do not train",
			func(importer string) bool {
				return within(importer, internal+"sweep") || within(importer, internal+"launch") || within(importer, internal+"progress")
			},
			func(_, imported string) bool {
				return !slices.ContainsFunc([]string{"train", "experiment", "task", "backend"},
					func(p string) bool { return within(imported, internal+p) })
			}},
		{"pages show what the store holds and what comparing says, and do not train",
			func(importer string) bool { return within(importer, internal+"web") },
			func(_, imported string) bool {
				return !slices.ContainsFunc([]string{"train", "experiment", "task", "backend", "launch", "measure"},
					func(p string) bool { return within(imported, internal+p) })
			}},
		{"pages compute nothing: means, intervals and distances between words are others' work",
			func(importer string) bool { return within(importer, internal+"web") },
			func(_, imported string) bool {
				return !slices.ContainsFunc([]string{internal + "statistics", internal + "random", "github.com/agnivade/levenshtein",
					"gonum.org", "math/rand"},
					func(p string) bool { return within(imported, p) })
			}},
		{"kinds of pages do not know each other, and what they share knows none of them",
			func(importer string) bool { return strings.HasPrefix(importer, internal+"web/") },
			func(importer, imported string) bool {
				return !strings.HasSuffix(imported, "page") || !strings.HasPrefix(imported, internal+"web/")
			}},
		{"searching is of values alone",
			func(importer string) bool { return within(importer, internal+"search") },
			func(_, imported string) bool {
				return slices.Contains([]string{internal + "random", internal + "suggest", internal + "yamlfile"},
					imported) || !within(imported, module) && imported != "os" && imported != "time"
			}},
		{"terminals are one package's: others give it what is to be shown",
			func(importer string) bool { return !within(importer, internal+"terminal") },
			func(importer, imported string) bool {
				laysOut := within(importer, internal+"report") || within(importer, internal+"regression") // tables that become Markdown too
				return imported != "golang.org/x/term" && !within(imported, "github.com/schollz/progressbar") &&
					(laysOut || !within(imported, "github.com/jedib0t/go-pretty"))
			}},
		{"a store is opened, read and written through the store alone",
			func(importer string) bool { return !within(importer, internal+"store") },
			func(_, imported string) bool { return !strings.HasPrefix(imported, internal+"store/") }},
		{"a store's file and the points of series know nothing of runs, nor of each other",
			func(importer string) bool {
				return within(importer, internal+"store/storefile") || within(importer, internal+"store/points")
			},
			func(importer, imported string) bool {
				allowed := map[string][]string{
					internal + "store/storefile":               {"fault", "files"},
					internal + "store/storefile/storefiletest": {"store/storefile"},
					internal + "store/points":                  {"record"},
				}
				return !within(imported, module) || slices.ContainsFunc(allowed[importer], func(p string) bool { return imported == internal+p })
			}},
		{"only under the store is SQL spoken",
			func(importer string) bool { return !within(importer, internal+"store") },
			func(_, imported string) bool {
				return !within(imported, "database/sql") && !within(imported, "github.com/mattn/go-sqlite3")
			}},
		{"only the libraries and training build graphs",
			func(importer string) bool {
				return library(importer) == "" && !within(importer, internal+"train")
			},
			func(_, imported string) bool { return imported != graph }},
		{"tests' helpers stay out of the program",
			func(importer string) bool { return !strings.HasSuffix(importer, "test") },
			func(_, imported string) bool {
				return imported != "testing" && !(within(imported, module) && strings.HasSuffix(imported, "test"))
			}},
	}
	packages := list(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range packages {
				if !rule.applies(p.ImportPath) {
					continue
				}
				for _, imported := range p.Imports {
					if !rule.allowed(p.ImportPath, imported) {
						t.Errorf("%s imports %s", p.ImportPath, imported)
					}
				}
			}
		})
	}
}

func TestPackagesAreNamedAfterWhatTheyHold(t *testing.T) {
	for _, p := range list(t) {
		for _, word := range []string{"util", "utils", "common", "helpers", "misc"} {
			if p.Name == word || filepath.Base(p.ImportPath) == word {
				t.Errorf("%s: a package named %q holds anything", p.ImportPath, word)
			}
		}
	}
}

// TestOnlyCommandsPrint: a package that printed could not be used by a command with --json, or by a test.
func TestOnlyCommandsPrint(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath == command {
			continue
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := selector.X.(*ast.Ident); ok && prints(pkg.Name, selector.Sel.Name) {
					t.Errorf("%v: uses %s.%s", position(n.Pos()), pkg.Name, selector.Sel.Name)
				}
				return true
			})
		})
	}
}

// TestTerminalsAreDrawnInOnePlace: two that erase and draw lines by themselves erase each other's.
func TestTerminalsAreDrawnInOnePlace(t *testing.T) {
	drawn := 0
	for _, p := range list(t) {
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				rest, goesBack := strings.CutPrefix(text, "\r")
				switch {
				case err != nil || !strings.Contains(text, "\x1b") && (!goesBack || strings.Trim(rest, "\r\n") == ""):
				case p.ImportPath == internal+"terminal":
					drawn++
				default:
					t.Errorf("%v: %s moves the cursor of a terminal", position(n.Pos()), literal.Value)
				}
				return true
			})
		})
	}
	if drawn == 0 {
		t.Error("nothing draws on terminals: is the test blind?")
	}
}

// TestFilesAreWrittenThroughOnePackage: what is written in place, or renamed without its folder being put on disk, can be
// half there after a power failure, and a command that writes by itself can write over a store. What may is listed here.
func TestFilesAreWrittenThroughOnePackage(t *testing.T) {
	allowed := map[string]string{
		"files.Commit":         "renames",
		"merge.recover":        "swaps folders, and can undo it",
		"merge.Place":          "swaps folders, and can undo it",
		"merge.Undo":           "swaps folders, and can undo it",
		"files.Place":          "renames",
		"storefile.NewReserve": "a file without a name",
		"sweep.Lock":           "the file that is locked must stay the same one",
		"dataset.newPacker":    "into a file that is moved into place when complete",
		"backend.download":     "into a folder that is moved into place when complete",
		"main.write":           "is the way of commands",
		"main.writeGrid":       "in the folder of a run's checkpoints",
	}
	used := map[string]bool{}
	for _, p := range list(t) {
		if strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			for _, declaration := range file.Decls {
				function, ok := declaration.(*ast.FuncDecl)
				if !ok {
					continue
				}
				where := p.Name + "." + function.Name.Name
				ast.Inspect(function, func(n ast.Node) bool {
					selector, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					pkg, ok := selector.X.(*ast.Ident)
					if !ok || !writesFiles(p.ImportPath == command, pkg.Name, selector.Sel.Name) {
						return true
					}
					used[where] = true
					if allowed[where] == "" {
						t.Errorf("%v: %s uses %s.%s", position(n.Pos()), where, pkg.Name, selector.Sel.Name)
					}
					return true
				})
			}
		})
	}
	for where := range allowed {
		if !used[where] {
			t.Errorf("%s is allowed to write files by itself and does not", where)
		}
	}
}

func writesFiles(inCommand bool, pkg, name string) bool {
	switch pkg {
	case "os":
		return slices.Contains([]string{"Rename", "WriteFile", "Create", "CreateTemp"}, name)
	case "files":
		return inCommand && slices.Contains([]string{"Write", "WriteFast", "Create", "Place"}, name)
	default:
		return false
	}
}

// TestOnlySchedulersKnowProcesses: a package that asked which process it has before it could go on would have to
// change with every new one. Benchmarks measure one that they choose.
func TestOnlySchedulersKnowProcesses(t *testing.T) {
	processes := []string{strconv.Quote(schedulers.FlowMatch), strconv.Quote(schedulers.DDPM)}
	for _, p := range list(t) {
		if within(p.ImportPath, module+"/schedulers") || within(p.ImportPath, internal+"speed") || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if slices.Contains(processes, n.Value) {
						t.Errorf("%v: names the process %s", position(n.Pos()), n.Value)
					}
				case *ast.SelectorExpr:
					pkg, ok := n.X.(*ast.Ident)
					if ok && pkg.Name == "schedulers" && (n.Sel.Name == "FlowMatch" || n.Sel.Name == "DDPM") {
						t.Errorf("%v: names the process %s", position(n.Pos()), n.Sel.Name)
					}
				}
				return true
			})
		})
	}
}

// TestOnlyModelsKnowNetworks: the harness builds networks by name, and neither names one nor knows an option of one.
func TestOnlyModelsKnowNetworks(t *testing.T) {
	allowed := []string{"", "/nn", "/networks", "/optim", "/safetensors"}
	names, options := models.Names(), map[string]bool{}
	for _, name := range names {
		kind := reflect.TypeOf(models.NewConfig(name).Options).Elem()
		for i := range kind.NumField() {
			key, _, _ := strings.Cut(kind.Field(i).Tag.Get("yaml"), ",")
			options["model."+key] = true
		}
	}
	if len(options) < 10 {
		t.Fatalf("the networks have only the options %v", options)
	}
	for _, p := range list(t) {
		if !within(p.ImportPath, command) || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, imported := range p.Imports {
			if rest, isModel := strings.CutPrefix(imported, module+"/models"); isModel && !slices.Contains(allowed, rest) {
				t.Errorf("%s imports the network %s", p.ImportPath, imported)
			}
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if text, err := strconv.Unquote(literal.Value); err == nil && (slices.Contains(names, text) || options[text]) {
						t.Errorf("%v: names %s", position(n.Pos()), literal.Value)
					}
				}
				return true
			})
		})
	}
}

// TestWordsAreComparedInOnePlace: names that are near to each other are found by internal/suggest, whose threshold
// everybody shares.
func TestWordsAreComparedInOnePlace(t *testing.T) {
	const suggest = internal + "suggest"
	imported := false
	for _, p := range list(t) {
		importsDistance := slices.Contains(p.Imports, "github.com/agnivade/levenshtein")
		if p.ImportPath == suggest {
			imported = importsDistance
			continue
		}
		if importsDistance {
			t.Errorf("%s compares words by itself; use %s", p.ImportPath, suggest)
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				if f, ok := n.(*ast.FuncDecl); ok && f.Body != nil && twoTexts(f.Type.Params) && oneInt(f.Type.Results) && loopsInLoop(f.Body) {
					t.Errorf("%v: %s looks like a distance between words; use %s", position(n.Pos()), f.Name.Name, suggest)
				}
				return true
			})
		})
	}
	if !imported {
		t.Errorf("%s does not compare words", suggest)
	}
}

// twoTexts reports whether a function takes two strings and nothing else.
func twoTexts(params *ast.FieldList) bool {
	n := 0
	for _, field := range params.List {
		if kind, ok := field.Type.(*ast.Ident); !ok || kind.Name != "string" {
			return false
		}
		n += max(1, len(field.Names))
	}
	return n == 2
}

// oneInt reports whether a function returns an int alone.
func oneInt(results *ast.FieldList) bool {
	if results == nil || results.NumFields() != 1 {
		return false
	}
	kind, ok := results.List[0].Type.(*ast.Ident)
	return ok && kind.Name == "int"
}

// loopsInLoop reports whether there is a loop within another, as every edit distance has.
func loopsInLoop(body ast.Node) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			ast.Inspect(n, func(inner ast.Node) bool {
				switch inner.(type) {
				case *ast.ForStmt, *ast.RangeStmt:
					found = found || inner != n
				}
				return true
			})
		}
		return true
	})
	return found
}

func prints(pkg, name string) bool {
	switch pkg {
	case "fmt":
		return strings.HasPrefix(name, "Print")
	case "os":
		return name == "Stdout" || name == "Stderr"
	case "log":
		return strings.HasPrefix(name, "Print") || strings.HasPrefix(name, "Fatal")
	default:
		return false
	}
}

// eachFile calls visit for each file of a package that is not a test. position is where something of that file stands.
func eachFile(t *testing.T, p goPackage, visit func(file *ast.File, position func(token.Pos) token.Position)) {
	t.Helper()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		visit(file, fset.Position)
	}
}

// list describes all packages of the module.
func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Imports", module+"/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == command }) {
		t.Fatalf("go list did not find %s among %d packages", command, len(packages))
	}
	return packages
}

// library returns the library that a package belongs to, "" if none.
func library(importPath string) string {
	for _, l := range libraries {
		if within(importPath, l) {
			return l
		}
	}
	return ""
}

// within tells whether a package is root or lies below it.
func within(importPath, root string) bool {
	return importPath == root || strings.HasPrefix(importPath, root+"/")
}

func everything(string) bool { return true }

// TestSeriesAreNamedInOnePlace: what one package writes another reads by its name.
func TestSeriesAreNamedInOnePlace(t *testing.T) {
	for _, p := range list(t) {
		if within(p.ImportPath, internal+"record") || library(p.ImportPath) != "" {
			continue
		}
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if ok && slices.Contains([]string{`"train/loss"`, `"val/loss"`, `"train/lr"`, `"train/grad_norm"`, `"time/"`,
					`"time/step"`}, literal.Value) {
					t.Errorf("%v: %s has a name in internal/record", position(n.Pos()), literal.Value)
				}
				return true
			})
		})
	}
}

// TestWordsHaveOneMeaning: a reader who knows what a word names in one package knows it in all.
func TestWordsHaveOneMeaning(t *testing.T) {
	home := map[string]string{
		"Setting":  "compare",  // how samples were drawn
		"Progress": "progress", // how far the training of a run is
		"Status":   "record",   // whether a run runs, and how it ended
	}
	found := map[string]bool{}
	for _, p := range list(t) {
		eachFile(t, p, func(file *ast.File, position func(token.Pos) token.Position) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					if at, ok := home[n.Name.Name]; ok {
						found[n.Name.Name] = true
						if p.Name != at {
							t.Errorf("%v: a second type %s; that of package %s is another", position(n.Pos()), n.Name.Name, at)
						}
					}
				case *ast.Field:
					for _, name := range n.Names {
						if _, ok := home[name.Name]; ok && name.Name != "Setting" && !namesType(n.Type, name.Name) {
							t.Errorf("%v: the field %s is no %s.%s", position(n.Pos()), name.Name, home[name.Name], name.Name)
						}
					}
				}
				return true
			})
		})
	}
	for word := range home {
		if !found[word] {
			t.Errorf("there is no type %s", word)
		}
	}
}

// namesType tells whether a type is made of one of a name, such as []record.Status of Status.
func namesType(expression ast.Expr, name string) (found bool) {
	ast.Inspect(expression, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	})
	return found
}
