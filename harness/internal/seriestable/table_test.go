package seriestable

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// example is a run of four steps: a loss at each, a validation at two, one of which is NaN, and two phases.
func example(t *testing.T) (*store.Store, string) {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir()+"/harness.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ConfigHash: "x", Process: "flow_match", Dataset: "digits",
		ResolvedYAML: "seed: 0\n"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.OpenWriter(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= 4; step++ {
		w.Point("train/loss", step, 1/float64(step))
		w.Point("time/step", step, 0.5)
	}
	w.Point("time/compile", 1, 2)
	w.Point("val/loss", 2, 0.75)
	w.Point("val/loss", 4, math.NaN())
	if err := w.Finish(t.Context(), record.StatusFinished, ""); err != nil {
		t.Fatal(err)
	}
	return st, run.ID
}

func TestTableInEveryFormat(t *testing.T) {
	st, id := example(t)
	table, err := Read(t.Context(), st, id, []string{"val/loss", "train/loss"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
		want  string
	}{
		{"CSV", table.WriteCSV, "step,seconds,val/loss,train/loss\n1,2.5,,1\n2,3,0.75,0.5\n3,3.5,,0.3333333333333333\n4,4,NaN,0.25\n"},
		{"JSON lines", table.WriteJSONLines, `{"step":1,"seconds":2.5,"train/loss":1}
{"step":2,"seconds":3,"val/loss":0.75,"train/loss":0.5}
{"step":3,"seconds":3.5,"train/loss":0.3333333333333333}
{"step":4,"seconds":4,"val/loss":"NaN","train/loss":0.25}
`},
	} {
		var b strings.Builder
		if err := c.write(&b); err != nil || b.String() != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, b.String(), c.want)
		}
	}

	var b bytes.Buffer
	if err := table.WriteParquet(&b); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Step    int64    `parquet:"step"`
		Seconds float64  `parquet:"seconds"`
		Train   *float64 `parquet:"train/loss"`
		Val     *float64 `parquet:"val/loss"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(rows) != 4 {
		t.Fatalf("read back %v, %v", rows, err)
	}
	if r := rows[1]; r.Step != 2 || r.Seconds != 3 || *r.Train != 0.5 || *r.Val != 0.75 {
		t.Errorf("the second row is %+v", r)
	}
	if rows[0].Val != nil || rows[3].Val == nil || !math.IsNaN(*rows[3].Val) {
		t.Errorf("what is missing is %v, what is NaN is %v", rows[0].Val, rows[3].Val)
	}
}

func TestReadAll(t *testing.T) {
	st, id := example(t)
	table, err := Read(t.Context(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"step", "seconds", "time/compile", "time/step", "train/loss", "val/loss"}; !slices.Equal(table.Header(), want) {
		t.Errorf("columns %v, want %v", table.Header(), want)
	}
	var unknown *UnknownError
	if _, err := Read(t.Context(), st, id, []string{"train/los"}); !errors.As(err, &unknown) || len(unknown.Known) != 4 {
		t.Errorf("an unknown series: %v", err)
	}
}
