package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"flowharness/harness/internal/label"
	"flowharness/harness/internal/record"
)

// Filter selects runs for [Store.ListRuns] and says in what order they are returned. The zero value
// is all active runs, newest first.
type Filter struct {
	Status  []record.Status // runs with any of these
	Tags    []string        // runs with all of these
	Name    string          // pattern of the name: "fm_*"
	Process string
	Dataset string
	Text    string    // part of the id, slug, name, notes or a tag; case does not matter
	Where   []string  // conditions on the resolved config, all of them: "train.lr<=1e-3"
	Since   time.Time // created at or after
	Shelf   Shelf     // where they lie; the zero value leaves out what is archived or in the trash
	Sort    string    // one of SortKeys
	Desc    bool      // largest first
	Limit   int       // 0: all
}

// sortKeys maps the names of sort orders to SQL expressions.
var sortKeys = map[string][]string{
	"created":  {"r.id"}, // begins with the time
	"status":   {"r.shown_status"},
	"loss":     {"loss.last"},
	"duration": {"max(0, coalesce(r.ended_at, r.heartbeat_at) - r.started_at)"},
	"step":     {"r.last_step"},
	"seed":     {"length(r.seed)", "r.seed"}, // as a number
}

// SortKeys lists the names of sort orders: by what every run has and what sorts the same in every
// language, unlike names.
func SortKeys() []string { return []string{"created", "status", "loss", "duration", "step", "seed"} }

// ListRuns returns the runs that pass a filter. It reads no series, so even thousands of long runs
// are listed immediately. Runs without a value for the sort key come last.
func (s *Store) ListRuns(ctx context.Context, f Filter) ([]RunInfo, error) {
	q, order, err := f.compile()
	if err != nil {
		return nil, fmt.Errorf("listing runs: %w", err)
	}
	rest := q.sql() + order
	if f.Limit > 0 {
		// Only now, for the chosen runs, is everything read that a list shows.
		rest = " WHERE r.id IN (" + queryChooseRuns + rest + " LIMIT ?)" + order
		q.args = append(q.args, f.Limit)
	}
	runs, err := s.selectRuns(ctx, rest, q.args...)
	return runs, s.failure("listing runs", err)
}

// Validate checks a filter without a store.
func (f Filter) Validate() error {
	_, _, err := f.compile()
	return err
}

// compile turns a filter into the parts of a query.
func (f Filter) compile() (q conditions, order string, err error) {
	if f.Limit < 0 {
		return q, "", fmt.Errorf("the limit must not be negative, got %d", f.Limit)
	}
	if order, err = orderBy(f); err != nil {
		return q, "", err
	}
	return q, order, q.addFilter(f)
}

func orderBy(f Filter) (string, error) {
	if f.Sort == "" {
		return " ORDER BY r.id DESC", nil
	}
	by, ok := sortKeys[f.Sort]
	if !ok {
		return "", fmt.Errorf("there is no sort key %q; use one of %s", f.Sort, strings.Join(SortKeys(), ", "))
	}
	direction := " ASC"
	if f.Desc {
		direction = " DESC"
	}
	var terms []string
	for _, term := range by {
		terms = append(terms, term+direction+" NULLS LAST")
	}
	return " ORDER BY " + strings.Join(terms, ", ") + ", r.id DESC", nil
}

// conditions collects the parts of a WHERE clause and their arguments.
type conditions struct {
	parts []string
	args  []any
}

func (q *conditions) add(sql string, args ...any) {
	q.parts = append(q.parts, sql)
	q.args = append(q.args, args...)
}

func (q *conditions) sql() string {
	if len(q.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.parts, " AND ")
}

func (q *conditions) addFilter(f Filter) error {
	if len(f.Status) > 0 {
		names := make([]string, len(f.Status))
		for i, status := range f.Status {
			if !slices.Contains(record.Statuses(), status) {
				return fmt.Errorf("there is no status %q; use %s", status, statusNames())
			}
			names[i] = string(status)
		}
		q.add("r.shown_status IN (SELECT value FROM json_each(?))", asJSON(names))
	}
	for _, tag := range f.Tags {
		q.add("r.id IN (SELECT run_id FROM run_tags WHERE tag IN (SELECT value FROM json_each(?)))", spellings(tag))
	}
	if f.Name != "" {
		q.add("r.name GLOB ?", label.Normal(f.Name))
	}
	if f.Process != "" {
		q.add("r.process = ?", f.Process)
	}
	if f.Dataset != "" {
		q.add("r.dataset = ?", f.Dataset)
	}
	if f.Text != "" {
		// instr, not LIKE: % and _ have no special meaning to the user.
		q.add(`(instr(lower(r.id || char(10) || r.slug || char(10) || r.name || char(10) || r.notes), lower(?)) > 0
			OR r.id IN (SELECT run_id FROM run_tags WHERE instr(lower(tag), lower(?)) > 0))`, label.Normal(f.Text), label.Normal(f.Text))
	}
	if !f.Since.IsZero() {
		q.add("r.created_at >= ?", toMilliseconds(f.Since))
	}
	if err := q.addShelf(f.Shelf); err != nil {
		return err
	}
	for _, w := range f.Where {
		if err := q.addWhere(w); err != nil {
			return err
		}
	}
	return nil
}

// statusNames lists all statuses in words.
func statusNames() string {
	var names []string
	for _, s := range record.Statuses() {
		names = append(names, string(s))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// addWhere adds a condition such as "train.lr<=1e-3". Numbers are compared as numbers, everything
// else as text; <, <=, > and >= need a number.
func (q *conditions) addWhere(condition string) error {
	at := strings.IndexAny(condition, "=!<>")
	if at < 0 {
		return fmt.Errorf("condition %q has no operator; write it like train.lr=0.001 (=, !=, <, <=, >, >=)", condition)
	}
	path := strings.TrimSpace(condition[:at])
	rest := condition[at:]
	op := rest[:1]
	if len(rest) > 1 && rest[1] == '=' {
		op = rest[:2]
	}
	value, num := canonicalText(strings.TrimSpace(rest[len(op):]))
	if op == "==" {
		op = "="
	}
	switch {
	case path == "" || op == "!":
		return fmt.Errorf("condition %q: write it like train.lr=0.001 (=, !=, <, <=, >, >=)", condition)
	case op != "=" && op != "!=" && num == nil:
		return fmt.Errorf("condition %q compares by size with something that is not a number", condition)
	}
	const exact = 1 << 53 // integers up to here are exact as floating point
	if num != nil && (op != "=" && op != "!=" || math.Abs(*num) <= exact) {
		q.add("r.id IN (SELECT run_id FROM run_config WHERE path = ? AND number "+sqlOperator(op)+" ?)", path, *num)
	} else {
		q.add("r.id IN (SELECT run_id FROM run_config WHERE path = ? AND value "+sqlOperator(op)+" ?)", path, value)
	}
	return nil
}

// sqlOperator returns the SQL operator. For != a value that is not a number, and therefore NULL,
// must count as different.
func sqlOperator(op string) string {
	if op == "!=" {
		return "IS NOT"
	}
	return op
}
