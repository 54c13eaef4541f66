package sweeppage

import (
	"context"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"time"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/web/shell"
)

// sweepView is what sweep.html shows.
type sweepView struct {
	Name    string
	Created time.Time
	Source  string
	Query   sweepQuery
	progress.RecordedSweep

	Paths   []string // that vary
	Metrics []string
	Fixed   []sweepFix
	Maps    []sweepMap
	MapNote string // why there is no map, or not all of them
	Lines   template.HTML
	Table   sweepTable
	Leader  string // which variant is the best, and how sure that is
	Scale   string // what the metric is of real images and of noise
}

// sweepMap is one heat map.
type sweepMap struct {
	Title string
	SVG   template.HTML
}

// sweepFix is a path that is neither x nor y, and what it is held at.
type sweepFix struct {
	Path, Value string // "": not held
	Values      []string
}

// variant is a variant of a sweep with its runs.
type variant struct {
	Label   string
	Values  map[string]string
	Planned int // runs; 0 if the sweep's file does not say
	Runs    []store.RunInfo
	Group   int // of the result; -1: none of its runs has ended
}

// sweepPage shows what the variants of a sweep have come to.
func (s *Pages) sweepPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	state, err := s.State(ctx, shell.Everything)
	if err != nil {
		return err
	}
	recorded, err := s.Store.Sweep(ctx, r.PathValue("sweep"))
	if err != nil {
		return err
	}
	infos, err := s.Store.SweepInfos(ctx, recorded.Name)
	if err != nil {
		return err
	}
	q := parseSweepQuery(r.URL.Query())
	file, _ := sweep.Parse(recorded.Name, []byte(recorded.SourceYAML)) // one of another version tells less
	variants := sweepVariants(recorded, infos, file)
	result, err := s.sweepResult(ctx, variants)
	if err != nil {
		return err
	}
	far, err := s.sweepProgress(ctx, variants)
	if err != nil {
		return err
	}
	v := sweepView{Name: recorded.Name, Created: recorded.CreatedAt, Source: recorded.SourceYAML, RecordedSweep: far}
	if err := s.fill(ctx, &v, shell.BaseOf(r), q, newSweepData(file, variants, result)); err != nil {
		return err
	}
	return s.Render(w, r, "sweep.html", shell.PageData{Title: recorded.Name, Nav: "sweeps", Topic: string(shell.Everything), State: state,
		Body: v})
}

// sweepVariants are those that the file plans, in its order, and any others whose
// runs the store holds.
func sweepVariants(recorded *store.Sweep, infos []store.RunInfo, file *sweep.File) []variant {
	var list []variant
	at := map[string]int{}
	if file != nil && file.Size() <= sweep.MaxRuns {
		if planned, err := file.Variants(recorded.Name); err == nil {
			for _, p := range planned {
				v := variant{Label: p.Label, Values: map[string]string{}, Planned: max(1, len(file.Seeds)), Group: -1}
				for _, a := range p.Assignments {
					v.Values[a.Path] = a.Value
				}
				at[v.Label] = len(list)
				list = append(list, v)
			}
		}
	}
	byID := map[string]store.RunInfo{}
	for _, info := range infos {
		byID[info.ID] = info
	}
	for _, run := range recorded.Runs {
		info, ok := byID[run.RunID]
		if !ok {
			continue // it was deleted meanwhile
		}
		i, ok := at[run.Variant]
		if !ok {
			i = len(list)
			at[run.Variant] = i
			list = append(list, variant{Label: run.Variant, Values: run.Values, Group: -1})
		}
		list[i].Runs = append(list[i].Runs, info)
	}
	return list
}

// sweepResult summarises the variants by the runs that have come to their end;
// nil if none has.
func (s *Pages) sweepResult(ctx context.Context, variants []variant) (*compare.Result, error) {
	o := compare.Options{Labels: map[string]string{}}
	var ids []string
	for _, v := range variants {
		for _, info := range v.Runs {
			if info.Status != record.StatusFinished && info.Status != record.StatusDiverged {
				continue
			}
			ids = append(ids, info.ID)
			o.Labels[info.ID] = v.Label
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	result, err := s.results.Summarize(ctx, ids, o)
	if err != nil {
		return nil, err
	}
	groups := map[string]int{}
	for g, group := range result.Groups {
		for _, i := range group.Runs {
			groups[result.Runs[i].ID] = g
		}
	}
	for i := range variants {
		for _, run := range variants[i].Runs {
			if g, ok := groups[run.ID]; ok {
				variants[i].Group = g
				break
			}
		}
	}
	return result, nil
}

func (s *Pages) fill(ctx context.Context, v *sweepView, base string, q sweepQuery, data *sweepData) error {
	data.base = base
	q, err := data.complete(q)
	if err != nil {
		return err
	}
	if v.Leader, err = s.findLeaders(ctx, data, q.Metric); err != nil {
		return err
	}
	if row, ok := data.rows[q.Metric]; ok {
		v.Scale = scale(row)
	}
	v.Query, v.Paths, v.Metrics = q, data.paths, data.metrics
	v.Maps, v.Fixed, v.MapNote = data.heatMaps(q)
	v.Lines = data.parallel(q)
	v.Table = data.table(q)
	return nil
}

// sweepProgress is how far the runs of variants are.
func (s *Pages) sweepProgress(ctx context.Context, variants []variant) (progress.RecordedSweep, error) {
	list := make([]progress.Variant, len(variants))
	for i, v := range variants {
		list[i] = progress.Variant{Label: v.Label, Planned: v.Planned, Runs: v.Runs}
	}
	return progress.ReadRecordedSweep(ctx, s.Store, list, s.Now())
}

// sweepRow is a line of what sweeps.html shows.
type sweepRow struct {
	Name    string
	Created time.Time
	progress.RecordedSweep
}

// sweepsPage lists the sweeps, newest first.
func (s *Pages) sweepsPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	state, err := s.State(ctx, shell.Everything)
	if err != nil {
		return err
	}
	list, err := s.Store.Sweeps(ctx)
	if err != nil {
		return err
	}
	var rows []sweepRow
	for _, listed := range slices.Backward(list) {
		recorded, err := s.Store.Sweep(ctx, listed.Name)
		if err != nil {
			return err
		}
		infos, err := s.Store.SweepInfos(ctx, listed.Name)
		if err != nil {
			return err
		}
		file, _ := sweep.Parse(listed.Name, []byte(listed.SourceYAML))
		far, err := s.sweepProgress(ctx, sweepVariants(recorded, infos, file))
		if err != nil {
			return err
		}
		rows = append(rows, sweepRow{listed.Name, listed.CreatedAt, far})
	}
	return s.Render(w, r, "sweeps.html", shell.PageData{Title: "Sweeps", Nav: "sweeps", Topic: string(shell.Everything), State: state,
		Body: rows})
}

// variedPaths are the paths that not all variants give the same value, sorted.
func variedPaths(variants []variant) []string {
	found := map[string]bool{}
	for _, v := range variants {
		for path, value := range v.Values {
			if first, ok := variants[0].Values[path]; !ok || first != value || len(variants) == 1 {
				found[path] = true
			}
		}
		for path := range variants[0].Values {
			if _, ok := v.Values[path]; !ok {
				found[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
