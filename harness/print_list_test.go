package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
)

// TestListLeavesOutColumnsNotDigits prints the usual columns at many widths.
func TestListLeavesOutColumnsNotDigits(t *testing.T) {
	ctx := t.Context()
	st, err := store.Open(ctx, t.TempDir()+"/harness.db")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	run, err := st.CreateRun(ctx, store.NewRun{Name: "a-name-that-is-long", ConfigHash: "c", Seed: math.MaxInt64,
		Process: "flow_match", Dataset: "digits",
		ResolvedYAML: "train: {lr: 0.00123456}\n", Tags: []string{"paper", "long"}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.Progress(123456, 123456)
	w.Point("train/loss", 123456, 0.123456)
	w.Point("val/loss", 123456, 0.234567)
	if err := w.Finish(ctx, record.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	all, err := catalog.Open(ctx, st)
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string]bool{"-": true}
	var widest []string
	for _, width := range []int{0, 400, 160, 120, 100, 80, 60, 40, 1} {
		var out, talk bytes.Buffer
		o := &listOptions{app: &app{streams: streams{out: terminal.To(&out), err: terminal.To(&talk)}}}
		runs, columns, err := o.choose(ctx, all)
		if err != nil {
			t.Fatal(err)
		}
		o.printRunsTable(runs, columns, width)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		cells := strings.Fields(lines[2])
		if width == 0 {
			widest = cells
			for _, cell := range cells {
				whole[cell] = true
			}
			if !whole["9223372036854775807"] || !whole["123456/123456"] || !whole["0.1235"] || !whole["0.2346"] {
				t.Fatalf("of all columns:\n%s", out.String())
			}
		}
		for _, cell := range cells {
			if !whole[cell] && cell != "ago" {
				t.Errorf("at %d, %q is cut:\n%s", width, cell, out.String())
			}
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); width > 40 && n > width {
				t.Errorf("at %d, a line of %d:\n%s", width, n, out.String())
			}
		}
		if !strings.Contains(lines[2], run.Slug) {
			t.Errorf("at %d, the run is left out:\n%s", width, out.String())
		}
		if left := strings.Contains(talk.String(), "left out, for want of width: "); left != (len(cells) < len(widest)) {
			t.Errorf("at %d, %d of %d cells, and it says %q", width, len(cells), len(widest), talk.String())
		}
	}
}
