package runpage

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// machineView is what a run was made with and on.
type machineView struct {
	Groups []machineGroup
	Diff   diffView
	Slug   string
}

type machineGroup struct {
	Name string
	Rows []shell.Field
}

// diffView is what the source code differed in from its commit.
type diffView struct {
	Commit string
	Dirty  bool
	Lines  []diffLine // none: there is no diff, or it is Long
	Count  int
	Long   bool // it has an address of its own
}

// diffLine is a line with its kind, a class of the style sheet.
type diffLine struct{ Kind, Text string }

// maxDiffLines is what a page holds of a diff before somebody asks for it.
const maxDiffLines = 200

func newMachineView(run *store.Run) machineView {
	v := machineView{Slug: run.Slug}
	var environment map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(run.Environment)))
	decoder.UseNumber()
	if decoder.Decode(&environment) != nil {
		return v
	}
	if git, ok := environment["git"].(map[string]any); ok {
		delete(git, "diff")
	}
	names := make([]string, 0, len(environment))
	for name := range environment {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		group := machineGroup{Name: name}
		group.add("", environment[name])
		if len(group.Rows) > 0 {
			v.Groups = append(v.Groups, group)
		}
	}
	v.Diff = readDiff(run)
	if v.Diff.Long = v.Diff.Count > maxDiffLines; v.Diff.Long {
		v.Diff.Lines = nil
	}
	return v
}

// add lists the values in a value by their paths, in the order of the paths.
func (g *machineGroup) add(path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			g.add(strings.TrimSpace(path+" "+strings.ReplaceAll(key, "_", " ")), value[key])
		}
	case []any:
		texts := make([]string, len(value))
		for i, item := range value {
			texts[i] = environmentText(item)
		}
		g.Rows = append(g.Rows, shell.Field{Name: path, Value: strings.Join(texts, ", ")})
	default:
		if text := environmentText(value); text != "" {
			g.Rows = append(g.Rows, shell.Field{Name: path, Value: text})
		}
	}
}

// environmentText is a value of JSON for people.
func environmentText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		if value {
			return "yes"
		}
		return "no"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

func readDiff(run *store.Run) diffView {
	var environment struct{ Git machine.Git }
	if json.Unmarshal(run.Environment, &environment) != nil {
		return diffView{}
	}
	v := diffView{Commit: environment.Git.Commit, Dirty: environment.Git.Dirty}
	if environment.Git.Diff == "" {
		return v
	}
	for line := range strings.Lines(environment.Git.Diff) {
		v.Lines = append(v.Lines, diffLine{diffKind(line), strings.TrimRight(line, "\n")})
	}
	v.Count = len(v.Lines)
	return v
}

// diffKind is what a line of a diff is.
func diffKind(line string) string {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "diff "), strings.HasPrefix(line, "index "):
		return "file"
	case strings.HasPrefix(line, "@@"):
		return "place"
	case strings.HasPrefix(line, "+"):
		return "added"
	case strings.HasPrefix(line, "-"):
		return "removed"
	}
	return "same"
}

// diffPage shows a long diff.
func (s *Pages) diffPage(w http.ResponseWriter, r *http.Request) error {
	run, err := s.Store.Resolve(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	return s.Render(w, r, "rundiff.html", shell.PageData{Title: "Diff of " +
		run.Slug, Nav: "runs", Body: machineView{Slug: run.Slug, Diff: readDiff(run)}})
}
