package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

type listOptions struct {
	*app
	filter   store.Filter
	where    []string
	sort     string
	desc     bool
	limit    int
	columns  []string
	statuses []string
	since    age
	archived bool
	trash    bool
	json     bool
}

func newListCommand(a *app) *cobra.Command {
	o := &listOptions{app: a}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs",
		Long: `List the runs of the store, newest first, filtered and sorted as asked: those
that are active, or with --archived or --trash those that are there.

--where, --sort and --columns take the same names: what every run has (run, name,
status, seed, step, loss, created, duration, process, dataset, host, memory, tags,
notes), loss100 (the mean of the last 100 losses; loss is the last one), the last
value of any series (val/loss), metrics (accuracy), and paths of configs (train.lr).
A condition compares with =, !=, <, <=, > or >=; created with a date, duration
with seconds or a time such as 1h30m, tags with one of them. Where a terminal is too narrow for all
columns, some are left out.`,
		Example: `  harness list --status finished --sort loss
  harness list --name 'fm_*' --where train.lr=0.001 --where 'val/loss<0.2'
  harness list --columns train.lr,process.name,accuracy --sort accuracy --desc
  harness list --since 7d --json | jq -r '.[].id'`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := exclusive(cmd, "archived", "trash"); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.statuses, "status", nil, "only runs with one of these statuses")
	f.StringSliceVar(&o.filter.Tags, "tag", nil, "only runs with all of these tags")
	f.StringVar(&o.filter.Name, "name", "", "only runs whose name matches this pattern")
	f.StringVar(&o.filter.Process, "process", "", "only runs of this process")
	f.StringVar(&o.filter.Dataset, "dataset", "", "only runs on this dataset")
	f.StringVar(&o.filter.Text, "text", "", "only runs with this text in id, name, notes or a tag")
	f.StringArrayVar(&o.where, "where", nil, "only runs that fulfil this, such as train.lr<=0.001 or accuracy>0.9 (repeatable)")
	f.Var(&o.since, "since", "only runs created in this time, such as 90m, 24h, 7d or 2w")
	f.StringVar(&o.sort, "sort", "", "sort by this column (default: the newest first)")
	f.BoolVar(&o.desc, "desc", false, "largest first")
	f.IntVarP(&o.limit, "limit", "n", 0, "at most so many (0: all)")
	f.StringSliceVar(&o.columns, "columns", nil, "show these columns instead of the usual ones")
	f.BoolVar(&o.archived, "archived", false, "the archived runs instead of the active ones")
	f.BoolVar(&o.trash, "trash", false, "the runs in the trash instead of the active ones")
	f.BoolVar(&o.json, "json", false, "print an array of objects")
	return cmd
}

func (o *listOptions) run(ctx context.Context) error {
	if err := o.complete(); err != nil {
		return err
	}
	st, err := o.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	all, err := catalog.Open(ctx, st)
	if err != nil {
		return err
	}
	runs, columns, err := o.choose(ctx, all)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		if err := o.sayWhy(ctx, all); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		return o.printRunsJSON(runs, columns)
	case len(runs) == 0:
		fmt.Fprintln(o.err, "no runs")
		return nil
	}
	o.printRunsTable(runs, columns, o.out.Width())
	return nil
}

// complete checks what can be checked without a store.
func (o *listOptions) complete() error {
	for _, s := range o.statuses {
		o.filter.Status = append(o.filter.Status, record.Status(s))
	}
	switch {
	case o.archived:
		o.filter.Shelf = store.ShelfArchived
	case o.trash:
		o.filter.Shelf = store.ShelfTrash
	}
	if err := catalog.CheckFilter(o.filter); err != nil {
		return err
	}
	if o.limit < 0 {
		return usagef("--limit must not be negative, got %d", o.limit)
	}
	if o.since > 0 {
		o.filter.Since = time.Now().Add(-time.Duration(o.since))
	}
	return nil
}

// usualListColumns are shown unless others are chosen. Where they do not fit, the last of narrowFirst is left out first.
var (
	usualListColumns = []string{"run", "name", "status", "process", "dataset", "seed", "step", catalog.RecentLoss, valLoss, "created", "tags"}
	keptLongest      = []string{"run", "status", catalog.RecentLoss, "name", "step", valLoss, "seed", "process", "created", "dataset", "tags"}
)

const valLoss = record.ValLoss

// choose returns the runs that are asked for, in order, and the columns to be shown of them.
func (o *listOptions) choose(ctx context.Context, all *catalog.Snapshot) (runs []*store.RunInfo, columns []catalog.Column, err error) {
	order := catalog.Order{Descending: o.desc, Limit: o.limit}
	if o.sort != "" {
		if order.By, err = all.Column(ctx, columnNamed(o.sort)); err != nil {
			return nil, nil, fmt.Errorf("--sort: %w", err)
		}
	} else if o.desc {
		return nil, nil, usagef("--desc says which way to sort: say by what with --sort")
	}
	if runs, err = all.Choose(ctx, o.filter, o.where, order); err != nil {
		return nil, nil, err
	}
	keys := o.columns
	if len(keys) == 0 && !o.json {
		keys = o.usualColumns(ctx, all)
	}
	for _, key := range keys {
		column, err := all.Column(ctx, columnNamed(strings.TrimSpace(key)))
		if err != nil {
			return nil, nil, fmt.Errorf("--columns: %w", err)
		}
		columns = append(columns, column)
	}
	if len(o.columns) > 0 && !o.json && !slices.ContainsFunc(columns, func(c catalog.Column) bool { return c.Key == "run" }) {
		run, err := all.Column(ctx, "run")
		if err != nil {
			return nil, nil, err
		}
		columns = slices.Insert(columns, 0, run)
	}
	return runs, columns, nil
}

// sayWhy says which of the things asked for no run has.
func (o *listOptions) sayWhy(ctx context.Context, all *catalog.Snapshot) error {
	missing, err := all.Missing(ctx, o.filter, o.where)
	for _, text := range missing {
		fmt.Fprintln(o.err, clean(text))
	}
	return err
}

// usualColumns leaves the validation loss out of a store that has none.
func (o *listOptions) usualColumns(ctx context.Context, all *catalog.Snapshot) []string {
	if series, err := all.Series(ctx); err == nil && !slices.Contains(series, valLoss) {
		return slices.DeleteFunc(slices.Clone(usualListColumns), func(key string) bool { return key == valLoss })
	}
	return usualListColumns
}

// columnNamed is the key of a column by the name that is typed: some had another name once.
func columnNamed(name string) string {
	if name == "steps" {
		return "step"
	}
	return name
}

// runJSON is a run as --json prints it.
type runJSON struct {
	ID           string         `json:"id"`
	Slug         string         `json:"slug"`
	Name         string         `json:"name"`
	Status       record.Status  `json:"status"`
	StatusReason string         `json:"status_reason,omitempty"`
	ConfigHash   string         `json:"config_hash"`
	CodeVersion  string         `json:"code_version,omitempty"`
	TrainedBy    string         `json:"trained_by,omitempty"`
	Parent       string         `json:"parent,omitempty"`
	ParentStep   int            `json:"parent_step,omitempty"`
	Seed         uint64         `json:"seed"`
	Process      string         `json:"process"`
	Dataset      string         `json:"dataset"`
	Tags         []string       `json:"tags"`
	Notes        string         `json:"notes,omitempty"`
	CreatedAt    time.Time      `json:"created_at"`
	EndedAt      *time.Time     `json:"ended_at,omitempty"`
	ArchivedAt   *time.Time     `json:"archived_at,omitempty"`
	DeletedAt    *time.Time     `json:"deleted_at,omitempty"`
	Step         int            `json:"step"`
	TotalSteps   int            `json:"total_steps"`
	Loss         *number        `json:"loss,omitempty"`
	PeakMemory   int64          `json:"peak_memory_bytes,omitempty"`
	Columns      map[string]any `json:"columns,omitempty"` // those asked for by --columns
}

func toJSON(r store.RunInfo) runJSON {
	j := runJSON{ID: r.ID, Slug: r.Slug, Name: r.Name, Status: r.Status, StatusReason: r.StatusReason,
		ConfigHash: r.ConfigHash, CodeVersion: r.CodeVersion, TrainedBy: r.TrainedBy, Parent: r.Parent, ParentStep: r.ParentStep,
		Seed: r.Seed, Process: r.Process, Dataset: r.Dataset, Tags: append([]string{}, r.Tags...), Notes: r.Notes, CreatedAt: r.CreatedAt.UTC(),
		Step: r.LastStep, TotalSteps: r.TotalSteps, PeakMemory: r.PeakMemoryBytes}
	for _, at := range []struct {
		time time.Time
		to   **time.Time
	}{{r.EndedAt, &j.EndedAt}, {r.ArchivedAt, &j.ArchivedAt}, {r.DeletedAt, &j.DeletedAt}} {
		if !at.time.IsZero() {
			utc := at.time.UTC()
			*at.to = &utc
		}
	}
	if r.Loss != nil {
		loss := number(r.Loss.Last)
		j.Loss = &loss
	}
	return j
}
