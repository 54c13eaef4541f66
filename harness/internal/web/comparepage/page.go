package comparepage

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// compareView is what compare.html shows.
type compareView struct {
	Query   compareQuery
	Problem string
	Chips   []compareChip
	Recent  []store.RunInfo // to choose from, where there is nothing to compare yet
	Names   []string        // of runs, to be typed
	Command string
	Report  string // address of the report

	Shown *compareShown // nil: there is nothing to compare
}

// compareChip is one of the runs in the form.
type compareChip struct {
	Ref, Name, Remove, First string
	Series                   int // of its group; -1 if it has none
	Baseline                 bool
}

// comparePage compares runs, or lets some be chosen.
func (s *Pages) comparePage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, problem := parseCompareQuery(r.URL.Query())
	v := compareView{Query: q}
	if err := s.compareNames(ctx, r.URL.Query().Get("q"), &v); err != nil {
		return err
	}
	topic, state := shell.Topic(""), ""
	status := http.StatusOK
	var selected compare.Selected
	err := problem
	if err == nil && len(q.Runs) > 0 {
		if selected, err = q.Select(ctx, s.Store); err == nil {
			if topic, state, err = s.compareTopic(ctx, selected.Runs); err != nil {
				return err
			}
			if len(selected.Runs) > 1 {
				err = s.fillCompare(ctx, &v, selected)
			}
		}
	}
	if err != nil {
		if status = shell.StatusOf(err); status != http.StatusBadRequest && status != http.StatusNotFound {
			return err // the reader cannot mend it in the form
		}
		v.Problem = shell.ErrorText(err)
	}
	v.chips()
	title := "Compare"
	if v.Shown != nil {
		var labels []string
		for _, g := range v.Shown.Groups {
			labels = append(labels, g.Label)
		}
		title = shortened(strings.Join(labels, " · "), 80)
	}
	return s.RenderStatus(w, r, status, "compare.html", shell.PageData{Title: title, Nav: "compare", Topic: string(topic), State: state,
		Body: v})
}

// compareNames fills in what can be chosen.
func (s *Pages) compareNames(ctx context.Context, text string, v *compareView) error {
	const most = 50
	runs, err := s.Store.ListRuns(ctx, store.Filter{Text: text, Limit: most})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if !slices.Contains(v.Query.Runs, run.Slug) {
			v.Recent = append(v.Recent, run)
		}
		for _, name := range []string{run.Slug, run.Name} {
			if !slices.Contains(v.Names, name) {
				v.Names = append(v.Names, name)
			}
		}
	}
	return nil
}

// compareTopic is what a page about runs is about.
func (s *Pages) compareTopic(ctx context.Context, runs []*store.Run) (shell.Topic, string, error) {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	t := shell.Everything
	if len(ids) > 0 && len(ids) <= shell.MaxTopicRuns {
		t = shell.RunsTopic(ids...)
	}
	state, err := s.State(ctx, t)
	return t, state, err
}

// compared is the result of what was selected.
func (s *Pages) compared(ctx context.Context, selected compare.Selected) (*compare.Result, error) {
	return s.results.Compare(ctx, selected.Runs, selected.Options)
}

// chips are the references of the form, each with its group.
func (v *compareView) chips() {
	for i, ref := range v.Query.Runs {
		chip := compareChip{Ref: ref, Remove: v.Query.without(i).address(), Series: -1, Baseline: i == 0 && v.Query.Baseline == ""}
		if i > 0 || v.Query.Baseline != "" {
			first := v.Query.first(i)
			first.Baseline = ""
			chip.First = first.address()
		}
		if v.Shown != nil {
			for _, g := range v.Shown.Groups {
				if slices.Contains(g.Runs, ref) {
					chip.Series, chip.Name = g.Series, g.Label
				}
			}
		}
		v.Chips = append(v.Chips, chip)
	}
}

func shortened(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
