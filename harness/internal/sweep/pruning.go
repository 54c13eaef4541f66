package sweep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/statistics"
	"flowharness/harness/internal/store"
)

// Pruned is a trial of a search that was stopped before its end.
type Pruned struct {
	Variant int     // index into the plan
	Step    int     // where it was compared with the others
	Value   float64 // the objective there; NaN if it had none
}

// StopsTrials tells whether the file is a search that stops trials early.
func (f *File) StopsTrials() bool { return f.Search != nil && f.Search.Stopping.Rule != "" }

// comparedEarly are the objectives that trials have while they train.
var comparedEarly = []string{compare.TrainLoss, compare.ValLoss}

// canBeStopped refuses a config whose objective is not known at the first rung.
func (f *File) canBeStopped(c config.Config) error {
	if !f.StopsTrials() || f.Search.Objective.Metric != compare.ValLoss {
		return nil
	}
	rung := f.Search.Stopping.MinSteps
	earliest := c.StepsPerEpoch()
	if every := c.Metrics.ValidateEverySteps; every > 0 {
		earliest = min(earliest, every)
	}
	switch {
	case rung >= c.Steps(): // nothing is compared early
		return nil
	case c.Metrics.ValidationImages == 0:
		return errors.New("trials are stopped by val/loss, and with metrics.validation_images 0 there is none")
	case earliest > rung:
		return fmt.Errorf("trials are first compared at step %d, and val/loss is first computed at step %d: set "+
			"metrics.validate_every_steps to %d", rung, earliest, rung)
	}
	return nil
}

// objectiveWindow is how many losses the objective train/loss is the mean of:
// the noise of a single one is larger than most differences.
const objectiveWindow = 100

// conductSearch makes the trials rung by rung: at each rung all that are left
// are compared, and some are stopped there. What is decided does not depend on
// which trial came there first.
func (c *Conductor) conductSearch(ctx context.Context) (Outcome, error) {
	search := c.Plan.File.Search
	total := 0
	for _, t := range c.Plan.Tasks {
		total = max(total, t.Runs[0].Config.Config.Steps())
	}
	rungs, err := search.Stopping.Rungs(total)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	alive := make([]int, len(c.Plan.Variants))
	for i := range alive {
		alive[i] = i
	}
	for i, rung := range append(rungs, 0) {
		stage := fmt.Sprintf("rung %d of %d, to step %d: %s", i+1, len(rungs)+1, rung, printable.Count(len(alive), "trial"))
		if rung == 0 {
			stage = "to the end: " + printable.Count(len(alive), "trial")
		}
		failed, err := c.make(ctx, c.tasksOf(alive), rung, stage)
		out.Failed, out.Retried = append(out.Failed, failed...), c.restarted
		if err != nil || rung == 0 {
			return out, err
		}
		alive = slices.DeleteFunc(alive, func(v int) bool { return failedVariant(failed, v) })
		values, err := c.objectives(ctx, alive, rung)
		if err != nil {
			return out, err
		}
		var kept []int
		for j, keep := range search.Stopping.Keep(values, search.Objective.Maximize()) {
			if keep {
				kept = append(kept, alive[j])
			} else {
				out.Stopped = append(out.Stopped, Pruned{alive[j], rung, values[j]})
			}
		}
		if err := c.recordStops(ctx, out.Stopped, kept); err != nil {
			return out, err
		}
		if alive = kept; len(alive) == 0 {
			return out, nil // every trial has failed
		}
	}
	return out, nil
}

// recordStops tells the store which runs the search has ended so far, and which
// go on. A training that a trial shares with one that goes on goes on, too.
func (c *Conductor) recordStops(ctx context.Context, stopped []Pruned, kept []int) error {
	inventory, err := Inspect(ctx, c.Store, c.Plan.Hashes(), c.Recognition)
	if err != nil {
		return err
	}
	goesOn := map[string]bool{}
	for _, t := range c.tasksOf(kept) {
		goesOn[t.Key()] = true
		if id := inventory.Of(t.Runs[0]).Run.ID; id != "" {
			if err := c.Store.UnstopRun(ctx, id); err != nil {
				return err
			}
		}
	}
	for _, p := range stopped {
		for _, t := range c.tasksOf([]int{p.Variant}) {
			id := inventory.Of(t.Runs[0]).Run.ID
			if goesOn[t.Key()] || id == "" {
				continue
			}
			err := c.Store.StopRun(ctx, id, c.stopReason(p))
			if errors.Is(err, store.ErrRunning) {
				c.warn("%v", err) // someone else makes the same run
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Conductor) stopReason(p Pruned) string {
	metric := c.Plan.File.Search.Objective.Metric
	if math.IsNaN(p.Value) {
		return fmt.Sprintf("sweep %s stopped it at step %d, where it had no %s", c.Plan.File.Name, p.Step, metric)
	}
	return fmt.Sprintf("sweep %s stopped it at step %d, where its %s was %.4g", c.Plan.File.Name, p.Step, metric, p.Value)
}

// tasksOf are the tasks that hold runs of some variants.
func (c *Conductor) tasksOf(variants []int) []Task {
	var list []Task
	for _, t := range c.Plan.Tasks {
		if slices.ContainsFunc(t.Runs, func(r PlannedRun) bool { return slices.Contains(variants, r.Variant) }) {
			list = append(list, t)
		}
	}
	return list
}

func failedVariant(failed []Failure, variant int) bool {
	return slices.ContainsFunc(failed, func(f Failure) bool {
		return slices.ContainsFunc(f.Task.Runs, func(r PlannedRun) bool { return r.Variant == variant })
	})
}

// objectives are the means over the seeds of variants at a rung; NaN where a run
// diverged before it.
func (c *Conductor) objectives(ctx context.Context, variants []int, rung int) ([]float64, error) {
	inventory, err := Inspect(ctx, c.Store, c.Plan.Hashes(), c.Recognition)
	if err != nil {
		return nil, err
	}
	of := make([][]float64, len(c.Plan.Variants))
	for _, t := range c.Plan.Tasks {
		for _, r := range t.Runs {
			if !slices.Contains(variants, r.Variant) {
				continue
			}
			// What shares a training has no run of its own before that has ended.
			value, err := c.objective(ctx, inventory.Of(t.Runs[0]), rung)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Plan.Variants[r.Variant].Label, err)
			}
			of[r.Variant] = append(of[r.Variant], value)
		}
	}
	values := make([]float64, len(variants))
	for i, v := range variants {
		values[i] = statistics.Mean(of[v])
	}
	return values, nil
}

func (c *Conductor) objective(ctx context.Context, found Found, rung int) (float64, error) {
	if found.State == StateDiverged && found.Run.LastStep < rung {
		return math.NaN(), nil
	}
	name, window := c.Plan.File.Search.Objective.Metric, 1
	if name == compare.TrainLoss {
		window = objectiveWindow
	}
	points, err := c.Store.Before(ctx, found.Run.ID, name, rung, window)
	if err != nil {
		return 0, err
	}
	if len(points) == 0 {
		return 0, errors.New("run " + found.Run.Slug + " has no " + name + fmt.Sprintf(" up to step %d: metrics.validate_every_steps says "+
			"when val/loss is computed", rung))
	}
	values := make([]float64, len(points))
	for i, p := range points {
		values[i] = p.Value
	}
	return statistics.Mean(values), nil
}
