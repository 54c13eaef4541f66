package sweep

import (
	"context"
	"encoding/json"
	"time"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Costs estimates how long runs take, by earlier ones of the same network,
// batch size, process and backend.
type Costs map[string]cost

// cost is that of one earlier run.
type cost struct {
	step     float64 // seconds of an update
	overhead float64 // seconds of everything else: compiling, drawing, measuring
	memory   int64   // peak, in bytes
}

// costsFrom is how many of the latest finished runs are looked at.
const costsFrom = 200

// NewCosts learns from the finished runs of a store.
func NewCosts(ctx context.Context, st *store.Store) (Costs, error) {
	list, err := st.ListRuns(ctx, store.Filter{Status: []record.Status{record.StatusFinished}, Shelf: store.ShelfAll, Limit: costsFrom})
	if err != nil {
		return nil, err
	}
	costs := Costs{}
	for _, info := range list {
		if info.LastStep == 0 || info.TrainedBy != "" || !info.StartedAt.Equal(info.CreatedAt) {
			continue // what was resumed or not trained tells no duration
		}
		run, err := st.Run(ctx, info.ID)
		if err != nil {
			return nil, err
		}
		cfg, err := config.Parse(info.Slug, []byte(run.ResolvedYAML), nil)
		if err != nil {
			continue // of another version of the program
		}
		key := costKey(cfg.Config)
		if _, ok := costs[key]; ok {
			continue // a later run is known
		}
		c := cost{memory: info.PeakMemoryBytes}
		summaries, err := st.Summaries(ctx, info.ID)
		if err != nil {
			return nil, err
		}
		for _, s := range summaries {
			if s.Name == record.PhaseSeries(record.PhaseStep) && s.Count > 0 {
				c.step = s.Sum / float64(s.Count)
			}
		}
		c.overhead = max(0, info.EndedAt.Sub(info.StartedAt).Seconds()-c.step*float64(info.LastStep))
		costs[key] = c
	}
	return costs, nil
}

// Task is how long a task takes; unknown if nothing like it was run before.
func (c Costs) Task(t Task, inv Inventory) (d time.Duration, known bool) {
	first := t.Runs[0].Config.Config
	earlier, ok := c[costKey(first)]
	if !ok {
		return 0, false
	}
	var seconds float64
	for i, r := range t.Runs {
		found := inv.Of(r)
		if found.State.Ended() {
			continue
		}
		seconds += earlier.overhead
		if i == 0 {
			seconds += earlier.step * float64(max(0, first.Steps()-found.Run.LastStep))
		}
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// Memory is the largest peak of any of the tasks, in bytes; 0 if unknown.
func (c Costs) Memory(tasks []Task) int64 {
	var peak int64
	for _, t := range tasks {
		peak = max(peak, c[costKey(t.Runs[0].Config.Config)].memory)
	}
	return peak
}

// costKey holds what decides the time of an update, and what is measured at the
// end.
func costKey(c config.Config) string {
	key, err := json.Marshal([]any{c.Model, c.Process.Name, c.Train.BatchSize, c.Train.MicrobatchSize, c.Backend.Name,
		c.Backend.Precision, c.Metrics.AtEnd, c.Metrics.Images})
	if err != nil {
		return "" // numbers that JSON has no words for do not pass the config's checks
	}
	return string(key)
}
