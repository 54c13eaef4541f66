package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"flowharness/harness/internal/store"
)

type listOptions struct {
	*app
	filter   store.Filter
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
that are active, or with --archived or --trash those that are there.`,
		Example: `  harness list --status finished --sort loss
  harness list --name 'fm_*' --where train.lr=0.001 --where process.name=flow_match
  harness list --since 24h --json | jq -r '.[].id'`,
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
	f.StringArrayVar(&o.filter.Where, "where", nil, "only runs whose config fulfils this, such as train.lr<=0.001 (repeatable)")
	f.Var(&o.since, "since", "only runs created in this time, such as 90m, 24h, 7d or 2w")
	f.StringVar(&o.filter.Sort, "sort", "", "sort by "+strings.Join(store.SortKeys(), ", "))
	f.BoolVar(&o.filter.Desc, "desc", false, "largest first")
	f.IntVarP(&o.filter.Limit, "limit", "n", 0, "at most so many (0: all)")
	f.BoolVar(&o.archived, "archived", false, "the archived runs instead of the active ones")
	f.BoolVar(&o.trash, "trash", false, "the runs in the trash instead of the active ones")
	f.BoolVar(&o.json, "json", false, "print an array of objects")
	return cmd
}

func (o *listOptions) run(ctx context.Context) error {
	for _, s := range o.statuses {
		o.filter.Status = append(o.filter.Status, store.Status(s))
	}
	switch {
	case o.archived:
		o.filter.Shelf = store.ShelfArchived
	case o.trash:
		o.filter.Shelf = store.ShelfTrash
	}
	if err := o.filter.Validate(); err != nil {
		return &usageError{err}
	}
	if o.since > 0 {
		o.filter.Since = time.Now().Add(-time.Duration(o.since))
	}
	st, err := o.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	runs, err := st.ListRuns(ctx, o.filter)
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]runJSON, 0, len(runs))
		for _, r := range runs {
			rows = append(rows, toJSON(r))
		}
		return o.printJSON(rows)
	}
	if len(runs) == 0 {
		fmt.Fprintln(o.err, "no runs")
		return nil
	}
	t := o.newTable()
	t.AppendHeader(row("run", "name", "status", "process", "data", "seed", "steps", "loss", "created", "tags"))
	for _, r := range runs {
		loss := "-"
		if r.Loss != nil {
			loss = fmt.Sprintf("%.4f", r.Loss.Last)
		}
		t.AppendRow(row(r.Slug, clean(r.Name), r.Status, r.Process, r.Dataset, r.Seed, fmt.Sprintf("%d/%d", r.LastStep, r.TotalSteps), loss, ago(r.CreatedAt), clean(strings.Join(r.Tags, " "))))
	}
	t.Render()
	return nil
}

// runJSON is a run as --json prints it.
type runJSON struct {
	ID           string       `json:"id"`
	Slug         string       `json:"slug"`
	Name         string       `json:"name"`
	Status       store.Status `json:"status"`
	StatusReason string       `json:"status_reason,omitempty"`
	ConfigHash   string       `json:"config_hash"`
	CodeVersion  string       `json:"code_version,omitempty"`
	TrainedBy    string       `json:"trained_by,omitempty"`
	Seed         uint64       `json:"seed"`
	Process      string       `json:"process"`
	Dataset      string       `json:"dataset"`
	Tags         []string     `json:"tags"`
	Notes        string       `json:"notes,omitempty"`
	CreatedAt    time.Time    `json:"created_at"`
	EndedAt      *time.Time   `json:"ended_at,omitempty"`
	ArchivedAt   *time.Time   `json:"archived_at,omitempty"`
	DeletedAt    *time.Time   `json:"deleted_at,omitempty"`
	Step         int          `json:"step"`
	TotalSteps   int          `json:"total_steps"`
	Loss         *number      `json:"loss,omitempty"`
	PeakMemory   int64        `json:"peak_memory_bytes,omitempty"`
}

func toJSON(r store.RunInfo) runJSON {
	j := runJSON{ID: r.ID, Slug: r.Slug, Name: r.Name, Status: r.Status, StatusReason: r.StatusReason, ConfigHash: r.ConfigHash, CodeVersion: r.CodeVersion, TrainedBy: r.TrainedBy, Seed: r.Seed,
		Process: r.Process, Dataset: r.Dataset, Tags: append([]string{}, r.Tags...), Notes: r.Notes, CreatedAt: r.CreatedAt.UTC(),
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

func row(cells ...any) table.Row { return table.Row(cells) }
