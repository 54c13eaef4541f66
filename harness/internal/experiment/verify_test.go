package experiment

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/train"
)

func TestVerifyRepeatsAResumedRunAndLeavesNothing(t *testing.T) {
	o := options(t)
	o.StopAfter = 3
	out, err := Start(t.Context(), resolve(t), o)
	if !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	o.StopAfter = 0
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	check := func(status string, steps, grids int) {
		t.Helper()
		v, err := Verify(t.Context(), out.Run.ID, VerifyOptions{}, o)
		if err != nil || !v.Identical() || v.Steps != steps || v.RecordedSteps != steps || v.Grids != grids || len(v.NotSame) != 0 ||
			len(v.Notes) != 0 {
			t.Errorf("%s: %+v (%v), want %d steps and %d grids", status, v, err, steps, grids)
		}
	}
	check("interrupted", 3, 0)
	if _, err := Resume(t.Context(), out.Run.ID, o); err != nil {
		t.Fatal(err)
	}
	check("resumed", 6, 1)

	ctx, cancel := context.WithCancel(t.Context())
	o.Observe = func(e train.Event) {
		if e.Step == 2 {
			cancel()
		}
	}
	if v, err := Verify(ctx, out.Run.ID, VerifyOptions{}, o); !errors.Is(err, train.ErrInterrupted) || v.Steps != 2 {
		t.Errorf("interrupted itself after step 2: %+v, %v", v, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
	run, err := openStore(t, o).Run(t.Context(), out.Run.ID)
	if err != nil || run.Status != record.StatusFinished || run.LastStep != 6 {
		t.Errorf("verifying changed the run to %+v (%v)", run, err)
	}
}

func TestHowFarApartTwoValuesAre(t *testing.T) {
	single := func(bits uint32) float64 { return float64(math.Float32frombits(bits)) }
	for _, tc := range []struct {
		name          string
		recorded, now float64
		ulps          uint64
		relative      float64
		singles       bool
	}{
		{"neighbours of single precision", single(0x3f800000), single(0x3f800001), 1, 1.1920927533992653e-07, true},
		{"neighbours of double precision", 0.1, math.Nextafter(0.1, 1), 1, 1.1102230246251565e-16, false},
		{"across zero", single(0x80000002), single(0x00000001), 3, 1.5, true},
		{"zeros of different signs", 0, math.Copysign(0, -1), 0, 0, true},
		{"a number and none", 1, math.NaN(), 0, math.NaN(), false},
		{"the largest numbers", -math.MaxFloat64, math.MaxFloat64, 2 * 0x7fefffffffffffff, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDifference(tc.recorded, tc.now)
			if d == nil || d.ULPs != tc.ulps || d.SinglePrecision != tc.singles || d.Relative != tc.relative && !(math.IsNaN(d.Relative) &&
				math.IsNaN(tc.relative)) {
				t.Errorf("got %+v, want %d ulp, relative %v", d, tc.ulps, tc.relative)
			}
		})
	}
	if d := newDifference(math.NaN(), math.Float64frombits(0x7ff8000000000123)); d != nil {
		t.Errorf("two values that are no numbers differ by %+v", d)
	}
}

func TestWhatARunWasNotMadeWithIsNamed(t *testing.T) {
	then := made{Environment{Machine: machine.Facts{GoVersion: "go1.26.5", CPUs: 2, CPUFeatures: []string{"avx", "avx2"},
		Versions: map[string]string{"a": "v1"}},
		Git: machine.Git{Commit: "0123456789abcdef", Dirty: true}, Backend: backend.Info{Name: "xla:cpu"}}, "program-1"}
	now := then
	if found := notSame(then, now); len(found) != 0 {
		t.Errorf("the same environment differs by %v", found)
	}
	now.code, now.Machine.CPUs, now.Backend.Name, now.Backend.MicrobatchSize = "program-2", 4, "go", 64
	now.Machine.CPUFeatures, now.Machine.Versions = []string{"avx", "fma"}, map[string]string{"b": "v2"}
	want := []NotSame{{"program", "program-1", "program-2"}, {"a", "v1", ""}, {"b", "", "v2"}, {"backend", "xla:cpu", "go"},
		{"microbatch size", "the whole batch", "64"}, {"CPU features", "avx2", "fma"}, {"number of CPUs", "2", "4"}}
	if found := notSame(then, now); !slices.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
	then.code, now.Git.Dirty = "", false // recorded by a version that had no code version
	if found := notSame(then, now); found[0] != (NotSame{"commit", "0123456789ab with changes", "0123456789ab"}) {
		t.Errorf("the first is %v", found[0])
	}
}
