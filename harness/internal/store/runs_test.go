package store

import (
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"

	"github.com/google/go-cmp/cmp"
)

func TestARunReadsBackAsItWasCreated(t *testing.T) {
	s := openTemp(t)
	n := NewRun{
		Name: "odd 'name'; \"%_\" é\u202e", Tags: []string{"b", " a ",
			"b"}, Notes: "two\nlines", ConfigHash: "c0ffee", CodeVersion: "v1", TrainedBy: "another",
		Seed: math.MaxUint64, Process: "ddpm", Dataset: "kmnist",
		SourceYAML: "base: x.yaml # é\n", ResolvedYAML: resolvedYAML,
		Overrides: []string{"seed=1", "train.lr=1e-3"}, Argv: []string{"harness", "run", "a b.yaml"},
		Environment: map[string]any{"host": "h", "cpus": 2},
	}
	before := time.Now().Truncate(time.Millisecond)
	created := get(s.CreateRun(t.Context(), n))(t)
	got := get(s.Run(t.Context(), created.ID))(t)
	if diff := cmp.Diff(created, got); diff != "" {
		t.Errorf("CreateRun and Run differ: %s", diff)
	}
	if got.CreatedAt.Before(before) || got.CreatedAt.After(time.Now()) || !got.StartedAt.Equal(got.CreatedAt) || !got.EndedAt.IsZero() {
		t.Errorf("times are %v, %v, %v", got.CreatedAt, got.StartedAt, got.EndedAt)
	}
	p := thisProcess()
	want := &Run{
		RunInfo: RunInfo{ID: got.ID, Slug: got.Slug, Name: n.Name, Status: record.StatusRunning, ConfigHash: "c0ffee",
			CodeVersion: "v1", TrainedBy: "another", Seed: math.MaxUint64,
			Process: "ddpm", Dataset: "kmnist", Tags: []string{"a", "b"}, Notes: n.Notes,
			CreatedAt: got.CreatedAt, StartedAt: got.StartedAt, HeartbeatAt: got.HeartbeatAt, PID: p.pid, Host: p.host},
		SourceYAML: n.SourceYAML, ResolvedYAML: n.ResolvedYAML, Overrides: n.Overrides, Argv: n.Argv,
		Environment: json.RawMessage(`{"cpus":2,"host":"h"}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestACreatedRunThatMakesNoSenseIsRefused(t *testing.T) {
	s := openTemp(t)
	for _, c := range []struct {
		name, says string
		run        NewRun
	}{
		{"no name", "no name", NewRun{Name: " ", ResolvedYAML: "{}"}},
		{"config is a list", "mapping", NewRun{Name: "x", ResolvedYAML: "[1]"}},
		{"config is not YAML", "resolved config", NewRun{Name: "x", ResolvedYAML: "a: [1"}},
		{"no config", "mapping", NewRun{Name: "x"}},
		{"tag with a comma", "comma", NewRun{Name: "x", ResolvedYAML: "{}", Tags: []string{"a,b"}}},
		{"empty tag", "empty", NewRun{Name: "x", ResolvedYAML: "{}", Tags: []string{""}}},
		{"environment that JSON cannot hold", "environment", NewRun{Name: "x", ResolvedYAML: "{}", Environment: math.NaN()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.CreateRun(t.Context(), c.run); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
	if runs := get(s.ListRuns(t.Context(), Filter{}))(t); len(runs) != 0 {
		t.Errorf("%d runs were recorded", len(runs))
	}
}

func TestSlugsAreSayableAndUnique(t *testing.T) {
	s := openTemp(t)
	sayable := regexp.MustCompile(`^[a-z]+-[a-z]+-\d\d+$`)
	seen := map[string]bool{}
	for range 200 {
		slug := newRun(t, s, "x").Slug
		if !sayable.MatchString(slug) || seen[slug] {
			t.Errorf("slug %q", slug)
		}
		seen[slug] = true
	}

	const id = "01J0000000000000000000000A"
	if a, b := slug(id, 0), slug(id, 1); a == b || len(b) != len(a)+1 {
		t.Errorf("the second attempt after %q is %q", a, b)
	}
	// A taken slug.
	get(writing(t, s).Exec("UPDATE runs SET slug = ? WHERE id = (SELECT min(id) FROM runs)", slug(id, 0)))(t)
	tx := get(writing(t, s).Begin())(t)
	defer tx.Rollback()
	must(t, insertRun(t.Context(), tx, id, NewRun{Name: "x"}))
	var got string
	must(t, tx.QueryRow("SELECT slug FROM runs WHERE id = ?", id).Scan(&got))
	if got != slug(id, 1) {
		t.Errorf("slug is %q, want %q", got, slug(id, 1))
	}
}

func TestIDsSortInTheOrderOfCreation(t *testing.T) {
	s := openTemp(t)
	last := ""
	for range 100 {
		id := newRun(t, s, "x").ID
		if id <= last {
			t.Fatalf("id %s comes after %s", id, last)
		}
		last = id
	}
}

func TestTagsAndNotesCanBeChanged(t *testing.T) {
	s := openTemp(t)
	run := newRun(t, s, "x", func(n *NewRun) { n.Tags = []string{"old", "kept"} })
	must(t, s.UpdateTags(t.Context(), run.ID, []string{"new", "kept"}, []string{"old", "never there"}))
	must(t, s.SetNotes(t.Context(), run.ID, "it's 100% fine"))
	run = get(s.Run(t.Context(), run.ID))(t)
	if diff := cmp.Diff([]string{"kept", "new"}, run.Tags); diff != "" || run.Notes != "it's 100% fine" {
		t.Errorf("tags %v, notes %q", run.Tags, run.Notes)
	}
	if err := s.UpdateTags(t.Context(), run.ID, []string{"a\nb"}, nil); err == nil {
		t.Error("a tag of two lines was accepted")
	}
	for name, err := range map[string]error{
		"UpdateTags": s.UpdateTags(t.Context(), "none", []string{"x"}, nil),
		"SetNotes":   s.SetNotes(t.Context(), "none", "x"),
		"AddSample":  s.AddSample(t.Context(), "none", SampleRecord{Drawing: record.Drawing{SamplerJSON: "{}"}, PNG: []byte("x")}),
		"DeleteRun":  s.DeleteRun(t.Context(), "none", nil),
		"Resume":     s.StartResume(t.Context(), "none", 1),
	} {
		if _, ok := errors.AsType[*NotFoundError](err); !ok {
			t.Errorf("%s of an unknown run: %v", name, err)
		}
	}
}

func TestWhenARunningRunCountsAsCrashed(t *testing.T) {
	now := time.Now()
	here := hostIdentity{"here", "boot 1"}
	mine := thisProcess()
	mine.hostIdentity = here
	gone := processIdentity{here, 1 << 22, 0} // Linux has no such process
	reused := processIdentity{here, mine.pid, mine.startedAt - time.Hour.Milliseconds()}
	elsewhere := processIdentity{hostIdentity{"there", "boot 2"}, mine.pid, 0}
	rebooted := processIdentity{hostIdentity{"here", "boot 0"}, mine.pid, 0}
	for _, c := range []struct {
		name string
		p    processIdentity
		age  time.Duration
		want string // part of the reason; "" for a run that counts as running
	}{
		{"a living process", mine, 0, ""},
		{"a living process that stopped beating", mine, 31 * time.Second, "no sign of life"},
		{"a process that is gone", gone, 0, "is gone"},
		{"another process with its number", reused, 0, "is gone"},
		{"a process elsewhere", elsewhere, 29 * time.Second, ""},
		{"a process elsewhere that stopped beating", elsewhere, 31 * time.Second, "no sign of life"},
		{"a process elsewhere whose clock is ahead", elsewhere, -4 * time.Minute, ""},
		{"a process elsewhere that beat in the far future", elsewhere, -6 * time.Minute, "of the future"},
		{"a living process after the clock was set back", mine, -4 * time.Minute, ""},
		{"a process before the last boot", rebooted, 31 * time.Second, "no sign of life"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := crashReason(c.p, now.Add(-c.age), here, now)
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("reason %q, want %q", got, c.want)
			}
		})
	}
}
