package experiment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/models/nn"
	"flowharness/models/safetensors"
)

// A run of 6 steps that is trained on to 10 is, step by step, the run of 10.
func TestALongerRunIsToTheBitWhatOneWouldHaveBeen(t *testing.T) {
	o := options(t)
	first := started(t, o)
	var warnings []string
	o.Warn = func(m string) { warnings = append(warnings, m) }
	longer, err := Longer(t.Context(), first.Run.Slug, "train.steps=10", o)
	if err != nil {
		t.Fatal(err)
	}
	whole := started(t, o, "train.steps=10")
	if len(warnings) > 0 {
		t.Errorf("a constant learning rate is warned of: %q", warnings)
	}
	if longer.Run.Parent != first.Run.ID || longer.Run.ParentStep != 6 || longer.Run.LastStep != 10 || longer.Run.TotalSteps != 10 {
		t.Errorf("it is recorded as %+v", longer.Run.RunInfo)
	}
	if longer.Run.ConfigHash == whole.Run.ConfigHash {
		t.Error("runs that began differently have one config hash")
	}
	st := openStore(t, o)
	for _, name := range []string{record.TrainLoss, record.GradNorm, record.ValLoss, record.Last100} {
		got, want := pointsAfter(t, st, longer.Run.ID, name, 0), pointsAfter(t, st, whole.Run.ID, name, 6)
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got, want := lastState(t, o, longer), lastState(t, o, whole); got.SHA256() != want.SHA256() {
		t.Error("the weights at the end are not the same")
	}
	if got, want := longer.Result.Samples[0].PNG, whole.Result.Samples[0].PNG; !slices.Equal(got, want) {
		t.Error("the grids are not the same")
	}
	again, err := Longer(t.Context(), longer.Run.Slug, "train.epochs=2", o) // 16 steps, in the other unit
	if err != nil || again.Run.TotalSteps != 16 || again.Run.ParentStep != 10 {
		t.Errorf("going on a second time: %v", err)
	}
	v, err := Verify(t.Context(), longer.Run.Slug, VerifyOptions{}, o)
	if err != nil || !v.Identical() || v.Steps != 4 || v.RecordedSteps != 4 {
		t.Errorf("verifying it: %+v, %v", v, err)
	}
}

func TestALongerRunSaysWhatBecomesOfItsSchedule(t *testing.T) {
	o := options(t)
	first := started(t, o, "train.lr_schedule=cosine")
	var warnings []string
	o.Warn = func(m string) { warnings = append(warnings, m) }
	if _, err := Longer(t.Context(), first.Run.Slug, "train.steps=12", o); err != nil {
		t.Fatal(err)
	}
	want := "train.lr_schedule is cosine over 12 steps now, and was over 6: the learning rate goes on with 0.0005 where " +
		"run " + first.Run.Slug + " had come to 6.7e-05"
	if len(warnings) != 1 || !strings.Contains(warnings[0], want) {
		t.Errorf("the warnings are %q, want one with %q", warnings, want)
	}
}

func TestARunBeginsWithTheWeightsOfAnother(t *testing.T) {
	o := options(t)
	parent := started(t, o)
	at := func(step int) *checkpoint.State {
		return loaded(t, checkpoint.Path(CheckpointDir(o.StorePath, parent.Run.ID), step), parent.Run.ConfigHash)
	}
	for _, tc := range []struct {
		name string
		sets []string
		step int // of the parent
		want func(s *checkpoint.State) bool
	}{
		{"the latest", nil, 6, func(s *checkpoint.State) bool {
			return s.SHA256() == at(6).SHA256() && s.Earlier == 6
		}},
		{"an earlier step", []string{"train.init_from=@1@4"}, 4,
			func(s *checkpoint.State) bool { return s.SHA256() == at(4).SHA256() && s.Earlier == 4 }},
		{"without an average", []string{"train.ema_decay=0"}, 6, func(s *checkpoint.State) bool {
			return slices.Equal(s.Params, at(6).Params) && slices.Equal(s.M, at(6).M) && s.EMA == nil
		}},
		{"the average", []string{"train.init_weights=ema"}, 6, func(s *checkpoint.State) bool {
			return slices.Equal(s.Params, at(6).EMA) && slices.Equal(s.EMA, at(6).EMA) && slices.Max(s.V) == 0 && s.Earlier == 0
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from := "train.init_from=" + parent.Run.Slug
			child := started(t, o, append([]string{from, "train.lr=5e-4", "train.steps=2"}, replaced(tc.sets, parent.Run.Slug)...)...)
			if child.Run.Parent != parent.Run.ID || child.Run.ParentStep != tc.step || child.Run.LastStep != 2 {
				t.Errorf("it is recorded as %+v", child.Run.RunInfo)
			}
			begun := loaded(t, checkpoint.Path(CheckpointDir(o.StorePath, child.Run.ID), 0), child.Run.ConfigHash)
			if begun.Step != 0 || !tc.want(begun) {
				t.Error("it began with something else")
			}
			if v, err := Verify(t.Context(), child.Run.Slug, VerifyOptions{}, o); err != nil || !v.Identical() || v.Steps != 2 {
				t.Errorf("verifying it: %+v, %v", v, err)
			}
		})
	}
}

func TestAnAverageThatIsNewStartsFromTheWeights(t *testing.T) {
	o := options(t)
	parent := started(t, o, "train.ema_decay=0")
	child := started(t, o, "train.init_from="+parent.Run.Slug, "train.steps=2")
	begun := loaded(t, checkpoint.Path(CheckpointDir(o.StorePath, child.Run.ID), 0), child.Run.ConfigHash)
	if !slices.Equal(begun.EMA, begun.Params) || !slices.Equal(begun.Params, lastState(t, o, parent).Params) {
		t.Error("the average does not start from the weights")
	}
}

// A run that was stopped before its first own step, and lost its first checkpoint,
// begins anew with what it began with, and not with random weights.
func TestAResumedRunKeepsItsBeginning(t *testing.T) {
	o := options(t)
	parent := started(t, o)
	stop := o
	stop.StopAfter = 1
	child, err := Start(t.Context(), resolve(t, "train.init_from="+parent.Run.Slug), stop)
	if err == nil {
		t.Fatal("it was not stopped")
	}
	whole := started(t, o, "train.init_from="+parent.Run.ID)
	must(t, os.RemoveAll(CheckpointDir(o.StorePath, child.Run.ID)))
	resumed, err := Resume(t.Context(), child.Run.Slug, o)
	if err != nil {
		t.Fatal(err)
	}
	if lastState(t, o, resumed).SHA256() != lastState(t, o, whole).SHA256() {
		t.Error("it is not what it would have been")
	}
	must(t, os.RemoveAll(CheckpointDir(o.StorePath, child.Run.ID)))
	must(t, os.RemoveAll(CheckpointDir(o.StorePath, parent.Run.ID)))
	if _, err := Verify(t.Context(), child.Run.Slug, VerifyOptions{}, o); err == nil || !strings.Contains(err.Error(),
		"has no checkpoint to begin from") {
		t.Errorf("repeating it without its parent's weights: %v", err)
	}
}

func TestARunBeginsWithTheWeightsOfAFile(t *testing.T) {
	o := options(t)
	parent := started(t, o)
	weights := lastState(t, o, parent).EMA
	file := filepath.Join(t.TempDir(), "theirs.safetensors")
	must(t, safetensors.Write(file, layoutOf(t).StateDict(weights), nil))
	child := started(t, o, "train.init_from="+file, "train.steps=2")
	begun := loaded(t, checkpoint.Path(CheckpointDir(o.StorePath, child.Run.ID), 0), child.Run.ConfigHash)
	if child.Run.Parent != "" || !slices.Equal(begun.Params, weights) || !slices.Equal(begun.EMA, weights) || begun.Earlier != 0 {
		t.Errorf("it began with something else, and is recorded as %+v", child.Run.RunInfo)
	}
	weights[0]++
	must(t, safetensors.Write(file, layoutOf(t).StateDict(weights), nil))
	if _, err := Verify(t.Context(), child.Run.Slug, VerifyOptions{}, o); err == nil || !strings.Contains(err.Error(),
		"is not what train.init_sha256 asks for") {
		t.Errorf("verifying it with another file: %v", err)
	}
}

func TestWhatCannotBeBegunWithIsRefused(t *testing.T) {
	o := options(t)
	parent := started(t, o, "train.ema_decay=0", "checkpoint.keep=1")
	slug := parent.Run.Slug
	nan := filepath.Join(t.TempDir(), "nan.safetensors")
	broken := slices.Clone(lastState(t, o, parent).Params)
	broken[3] = float32(nanValue())
	must(t, safetensors.Write(nan, layoutOf(t).StateDict(broken), nil))
	for _, tc := range []struct{ name, set, want string }{
		{"no such run", "train.init_from=nobody", `no run matches "nobody"`},
		{"a step that is gone", "train.init_from=" + slug + "@2",
			"run " + slug + " has no checkpoint of step 2 any more: there are those of steps 6"},
		{"no average", "train={init_from: " + slug + ", init_weights: ema}", "keeps no averaged weights"},
		{"another network", "model={block_out_channels: [4, 8], norm_num_groups: 2}", "has shape"},
		{"other weights than asked for", "train={init_from: " + slug + ", init_sha256: " + strings.Repeat("ab", 32) + "}",
			"is not what train.init_sha256 asks for"},
		{"no such file", "train.init_from=nowhere.safetensors", "nowhere.safetensors"},
		{"weights that are no numbers", "train.init_from=" + nan, "NaN or infinite"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(allRuns(t, o))
			_, err := Start(t.Context(), resolve(t, "train.init_from="+slug, tc.set), o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
			if after := len(allRuns(t, o)); after != before {
				t.Errorf("%d runs were recorded", after-before)
			}
		})
	}
	if _, err := Longer(t.Context(), slug, "train.steps=6", o); err == nil || !strings.Contains(err.Error(),
		"nothing would be left to train") {
		t.Errorf("no longer than it was: %v", err)
	}
	var finished *FinishedError
	if _, err := Resume(t.Context(), slug, o); !errors.As(err, &finished) || finished.Run.ID != parent.Run.ID {
		t.Errorf("resuming it: %v", err)
	}
}

func started(t *testing.T, o Options, sets ...string) Outcome {
	t.Helper()
	out, err := Start(t.Context(), resolve(t, sets...), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func layoutOf(t *testing.T) nn.Layout {
	t.Helper()
	m, err := resolve(t).Config.Network()
	if err != nil {
		t.Fatal(err)
	}
	return m.Layout()
}

func loaded(t *testing.T, path, hash string) *checkpoint.State {
	t.Helper()
	s, err := checkpoint.Load(path, layoutOf(t), hash)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lastState(t *testing.T, o Options, out Outcome) *checkpoint.State {
	t.Helper()
	path, err := checkpoint.Latest(CheckpointDir(o.StorePath, out.Run.ID))
	if err != nil {
		t.Fatal(err)
	}
	return loaded(t, path, out.Run.ConfigHash)
}

func pointsAfter(t *testing.T, st *store.Store, id, series string, step int) []store.Point {
	t.Helper()
	points, err := st.Series(t.Context(), id, series, store.SeriesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(points, func(p store.Point) bool { return p.Step <= step })
}

func allRuns(t *testing.T, o Options) []store.RunInfo {
	t.Helper()
	runs, err := openStore(t, o).ListRuns(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// replaced puts the parent's name in place of @1.
func replaced(sets []string, slug string) []string {
	var list []string
	for _, s := range sets {
		list = append(list, strings.ReplaceAll(s, "=@1@", fmt.Sprintf("=%s@", slug)))
	}
	return list
}

func nanValue() float64 { zero := 0.0; return zero / zero }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
