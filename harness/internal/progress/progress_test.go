package progress

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/sweep"
)

func TestTheTimeThatIsLeftFollowsFromTheLatestSteps(t *testing.T) {
	beat := time.UnixMilli(1_000_000)
	points := func(values ...float64) (list []store.Point) {
		for i, v := range values {
			list = append(list, store.Point{Step: i + 2, Value: v})
		}
		return list
	}
	slowThenFast := make([]float64, 300)
	for i := range slowThenFast {
		slowThenFast[i] = 10
		if i >= 200 {
			slowThenFast[i] = 0.5
		}
	}
	run := func(status record.Status, step, total int) store.RunInfo {
		return store.RunInfo{Status: status, LastStep: step, TotalSteps: total, HeartbeatAt: beat}
	}
	others := []store.SeriesSummary{{Name: "time/compile", Sum: 1000}, {Name: "time/sampling", Sum: 30}, {Name: "time/step", Sum: 99},
		{Name: "train/loss", Sum: 7}, {Name: "time/checkpoint", Sum: math.NaN()}}
	for _, c := range []struct {
		name   string
		run    store.RunInfo
		series []store.SeriesSummary
		steps  []store.Point
		after  time.Duration // since the last sign of life
		rate   float64
		eta    time.Duration
	}{
		{"before the first step", run(record.StatusRunning, 0, 0), nil, nil, 0, 0, 0},
		{"while only the first step is done", run(record.StatusRunning, 1, 100), nil, nil, 0, 0, 0},
		{"on the way", run(record.StatusRunning, 60, 100), nil, points(0.5, 0.5), 0, 2, 20 * time.Second},
		{"between two signs of life", run(record.StatusRunning, 60, 100), nil, points(0.5, 0.5), 5 * time.Second, 2, 15 * time.Second},
		{"of a run that is silent for longer than that", run(record.StatusRunning, 60, 100), nil, points(0.5, 0.5), time.Minute, 2, 0},
		{"as seen by a clock that is behind", run(record.StatusRunning, 60, 100), nil, points(0.5, 0.5), -time.Minute, 2, 20 * time.Second},
		{"with its share of grids, without compiling", run(record.StatusRunning, 60, 100), others, points(0.5, 0.5), 0, 1, 40 * time.Second},
		{"of the latest steps only", run(record.StatusRunning, 300, 400), nil, points(slowThenFast...), 0, 2, 50 * time.Second},
		{"with a time that is no number", run(record.StatusRunning, 60, 100), nil, points(0.5, math.NaN(), math.Inf(1)), 0, 2, 20 * time.Second},
		{"after the last step", run(record.StatusRunning, 100, 100), nil, points(0.5), 0, 2, 0},
		{"of an interrupted run", run(record.StatusInterrupted, 60, 100), nil, points(0.5), 0, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Of(c.run, c.series, c.steps, beat.Add(c.after))
			want := Progress{Step: c.run.LastStep, Total: c.run.TotalSteps, Rate: c.rate, ETA: c.eta}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestARunIsReadWithWhatIsLatest(t *testing.T) {
	st := openStore(t)
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ResolvedYAML: "seed: 1"})
	check(t, err)
	w, err := st.OpenWriter(t.Context(), run.ID)
	check(t, err)
	for step := 1; step <= 400; step++ {
		w.Point(trainLoss, step, 1/float64(step))
		w.Phase("step", step, 250*time.Millisecond)
		w.Log("info", "a line")
	}
	w.Log("info", "the last line")
	w.Progress(400, 1000)
	check(t, w.Flush(t.Context()))
	for _, step := range []int{100, 400, 400} {
		check(t, st.AddEvaluation(t.Context(), run.ID,
			store.EvaluationRecord{Drawing: record.Drawing{Step: step, Sampler: "euler", SamplerJSON: "{}"}, Dataset: "mnist", Classifier: "c"}))
		check(t, st.AddSample(t.Context(), run.ID, store.SampleRecord{Drawing: record.Drawing{Step: step, Sampler: "euler", SamplerJSON: "{}"},
			PNG: []byte("x")}))
	}

	info, err := st.Run(t.Context(), run.ID)
	check(t, err)
	r, err := ReadRun(t.Context(), st, run.ID, info.HeartbeatAt, Options{Bins: 10, Log: 3})
	check(t, err)
	if want := (Progress{Step: 400, Total: 1000, Rate: 4, ETA: 150 * time.Second}); r.Progress != want {
		t.Errorf("progress %+v, want %+v", r.Progress, want)
	}
	if len(r.Loss) != 10 || len(r.Series) != 2 || len(r.Evaluations) != 2 || r.Evaluations[0].Step != 400 || r.Sample == nil ||
		r.Sample.Step != 400 {
		t.Errorf("read %d bins, %d series, %d evaluations, sample %v", len(r.Loss), len(r.Series), len(r.Evaluations), r.Sample)
	}
	if len(r.Log) != 3 || r.Log[2].Message != "the last line" {
		t.Errorf("the log is %v", r.Log)
	}
	if p, err := ReadProgress(t.Context(), st, info.RunInfo, info.HeartbeatAt); err != nil || p != r.Progress {
		t.Errorf("read alone, the progress is %+v: %v", p, err)
	}
	_, err = ReadRun(t.Context(), st, "01ARZ3NDEKTSV4RRFFQ69G5FAV", time.Now(), Options{})
	if missing := (*store.NotFoundError)(nil); !errors.As(err, &missing) {
		t.Errorf("of a run that does not exist the error is %v", err)
	}
}

func TestASweepTakesAsLongAsItsRunsAtTheirTurns(t *testing.T) {
	live := func(left time.Duration) Progress { return Progress{Step: 50, Total: 100, Rate: 1, ETA: left} }
	begun := time.Unix(0, 0)
	ended := store.RunInfo{Status: record.StatusFinished, CreatedAt: begun, StartedAt: begun, EndedAt: begun.Add(300 * time.Second)}
	resumed, shared := ended, ended
	resumed.StartedAt = begun.Add(200 * time.Second)
	shared.TrainedBy = "another"
	halfway := store.RunInfo{LastStep: 50, TotalSteps: 100}
	for _, c := range []struct {
		name    string
		live    []Progress
		ended   []store.RunInfo
		waiting []store.RunInfo
		want    time.Duration
	}{
		{"nothing goes on", nil, []store.RunInfo{ended}, []store.RunInfo{{}}, 0},
		{"one is left", []Progress{live(50 * time.Second)}, nil, nil, 50 * time.Second},
		{"the longest decides", []Progress{live(50 * time.Second), live(10 * time.Second)}, nil, nil, 50 * time.Second},
		{"of one nothing is known", []Progress{live(50 * time.Second), {}}, nil, nil, 0},
		{"others wait as long as this one takes", []Progress{live(50 * time.Second)}, nil, []store.RunInfo{{}, {}}, 250 * time.Second},
		{"one that waits is half done", []Progress{live(50 * time.Second)}, nil, []store.RunInfo{halfway}, 100 * time.Second},
		{"two at once", []Progress{live(50 * time.Second), live(50 * time.Second)}, nil, []store.RunInfo{{}, {}}, 150 * time.Second},
		{"ended ones count", []Progress{live(50 * time.Second)}, []store.RunInfo{ended}, []store.RunInfo{{}}, 250 * time.Second},
		{"but not those that were not trained at once", []Progress{live(50 * time.Second)}, []store.RunInfo{resumed, shared}, []store.RunInfo{{}},
			150 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e estimate
			for _, p := range c.live {
				e.running(p)
			}
			for _, r := range c.ended {
				e.ended(r)
			}
			for _, r := range c.waiting {
				e.waiting(r)
			}
			if got := e.eta(); got != c.want {
				t.Errorf("%v are left, want %v", got, c.want)
			}
		})
	}
}

func TestARecordedSweepIsCountedAndItsTimeEstimated(t *testing.T) {
	st := openStore(t)
	begun := time.Now()
	ended := func(status record.Status, trainedBy string) store.RunInfo {
		return store.RunInfo{Status: status, TrainedBy: trainedBy, CreatedAt: begun, StartedAt: begun, EndedAt: begun.Add(300 * time.Second)}
	}
	run, err := st.CreateRun(t.Context(), store.NewRun{Name: "live", ConfigHash: "live", SourceYAML: "name: live", ResolvedYAML: "name: live",
		Environment: map[string]any{}})
	check(t, err)
	w, err := st.OpenWriter(t.Context(), run.ID)
	check(t, err)
	for step := 1; step <= 20; step++ {
		w.Phase(record.PhaseStep, step, time.Second)
		w.Progress(step, 100)
	}
	check(t, w.Flush(t.Context()))
	run, err = st.Run(t.Context(), run.ID)
	check(t, err)

	variants := []Variant{
		{"a", 2, []store.RunInfo{ended(record.StatusFinished, ""), ended(record.StatusFinished, "another")}},
		{"b", 2, []store.RunInfo{run.RunInfo, {Status: record.StatusFailed}}},
		{"c", 4, []store.RunInfo{ended(record.StatusDiverged, ""), ended(record.StatusDiverged, "another")}},
		{"stopped", 1, []store.RunInfo{ended(record.StatusStopped, "")}},
		{"found besides", 0, []store.RunInfo{ended(record.StatusInterrupted, "")}},
	}
	s, err := ReadRecordedSweep(t.Context(), st, variants, run.HeartbeatAt)
	check(t, err)
	if s.Runs != 10 || s.Ended != 5 || s.Waiting != 2 || len(s.Counts) != 6 {
		t.Errorf("counted %+v", s)
	}
	if len(s.Failing) != 2 || s.Failing[0].Variant != "b" || s.Failing[1].Variant != "found besides" {
		t.Errorf("failing: %+v", s.Failing)
	}
	// 80 s of the live run, and of the two that wait three in five are trained, which takes as long as the finished run and the live one
	// on the average: 300 s and 100 s.
	if want := 320 * time.Second; s.ETA.Round(time.Second) != want {
		t.Errorf("%v are left, want %v", s.ETA, want)
	}
}

func TestBeforeAndAfterItsStepsARunSaysWhatItDoes(t *testing.T) {
	for _, c := range []struct {
		step int
		want string
	}{{0, "compiling the training step"}, {40, ""}, {100, "compiling the training step"}} {
		st := openStore(t)
		run, err := st.CreateRun(t.Context(), store.NewRun{Name: "x", ResolvedYAML: "seed: 1"})
		check(t, err)
		w, err := st.OpenWriter(t.Context(), run.ID)
		check(t, err)
		w.Log("info", "step 0: compiling the training step")
		w.Progress(c.step, 100)
		check(t, w.Flush(t.Context()))
		info, err := st.Run(t.Context(), run.ID)
		check(t, err)
		p, err := ReadProgress(t.Context(), st, info.RunInfo, info.HeartbeatAt)
		if err != nil || p.Doing != c.want {
			t.Errorf("after %d steps it does %q, want %q: %v", c.step, p.Doing, c.want, err)
		}
	}
}

func TestEveryStateIsListedAndOnlyWhatHasEndedIsNotLeft(t *testing.T) {
	s := Sweep{Runs: len(States()), Count: map[sweep.State]int{}}
	for _, state := range States() {
		s.Count[state]++
	}
	if len(s.Count) != 7 || s.Left() != 4 {
		t.Errorf("of %v %d are left, want 4", s.Count, s.Left())
	}
}

func TestASweepThatWasNotRunIsSaid(t *testing.T) {
	for _, name := range []string{"nosuch", "", "../x", "@1"} {
		if _, err := OpenSweep(openStore(t), name); !errors.Is(err, sweep.ErrNotRun) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "runs.db"))
	check(t, err)
	t.Cleanup(func() { st.Close() })
	return st
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
