package experiment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

// replay is a [train.Recorder] that keeps nothing: it compares what a run
// produces with what is recorded of an earlier one, and fails at the first
// difference.
type replay struct {
	recorded  *recording
	tolerance float64

	points             map[string]int // compared, by series
	unrecorded         []string       // series that the run does not have
	grids, evaluations int            // compared
	missingGrids       int            // not recorded
	difference         *Difference
}

// Difference is where a repeated run first departs from the recorded one.
type Difference struct {
	What string // a series, a metric and its sampling, or a grid
	Step int
	// Recorded and Now are the values; nil where there is none. Those of a grid
	// are nil, its pictures' hashes differ.
	Recorded, Now             *float64
	RecordedSHA256, NowSHA256 string
	// Relative is |now − recorded| / max(|now|, |recorded|), NaN where one of
	// them is not finite.
	Relative float64
	// ULPs is how many floating-point numbers lie between the two: of single
	// precision where both are such numbers, as losses are. 0 where Relative is
	// NaN.
	ULPs            uint64
	SinglePrecision bool
}

// errDiffers ends a run at the first difference.
var errDiffers = errors.New("it differs from what is recorded")

// Point compares a value.
func (r *replay) Point(series string, step int, now float64) {
	if r.difference != nil || isDuration(series) {
		return
	}
	recorded, known := r.recorded.series[series]
	if !known {
		if !slices.Contains(r.unrecorded, series) {
			r.unrecorded = append(r.unrecorded, series)
		}
		return
	}
	value, found := recorded[step]
	delete(recorded, step) // what is left was not brought forth again
	switch {
	case found:
		r.points[series]++
		r.compare(series, step, value, now)
	case step < r.recorded.last || r.recorded.ended:
		r.difference = &Difference{What: series, Step: step, Now: &now, Relative: math.NaN()}
	}
}

// Phase ignores durations.
func (r *replay) Phase(string, int, time.Duration) {}

// Sample compares a grid with the recorded ones that were drawn like it.
func (r *replay) Sample(_ context.Context, s train.Sample) error {
	sum := sha256.Sum256(s.PNG)
	now := hex.EncodeToString(sum[:])
	recorded := ""
	for _, other := range r.recorded.samples {
		if other.Drawing.Same(s.Drawing) {
			if recorded = other.ImageSHA256; recorded == now {
				break
			}
		}
	}
	if recorded == "" {
		r.missingGrids++ // the run was stopped before it
		return nil
	}
	r.grids++
	if recorded != now {
		what := fmt.Sprintf("the grid of %s, %d steps, guidance %g", s.Sampler, s.Steps, s.Guidance)
		r.difference = &Difference{What: what, Step: s.Step, RecordedSHA256: recorded, NowSHA256: now, Relative: math.NaN()}
	}
	return r.Err()
}

// evaluation compares the metrics of one sampling with the recorded ones.
func (r *replay) evaluation(now store.EvaluationRecord) error {
	i := slices.IndexFunc(r.recorded.evaluations, func(e store.Evaluation) bool {
		return e.Drawing.Same(now.Drawing) && e.Dataset == now.Dataset && e.Classifier == now.Classifier
	})
	if i < 0 {
		return nil
	}
	r.evaluations++
	values := map[string]float64{}
	for _, m := range now.Metrics {
		values[m.Name] = m.Value
	}
	for _, m := range r.recorded.evaluations[i].Metrics {
		if value, ok := values[m.Name]; ok && r.difference == nil {
			what := fmt.Sprintf("%s of %s, %d steps, guidance %g", m.Name, now.Sampler, now.Steps, now.Guidance)
			r.compare(what, now.Step, m.Value, value)
		}
	}
	return r.Err()
}

// Flush has nothing to keep.
func (r *replay) Flush(context.Context) error { return nil }

// Err stops the run once there is a difference.
func (r *replay) Err() error {
	if r.difference != nil {
		return errDiffers
	}
	return nil
}

func (r *replay) compare(what string, step int, recorded, now float64) {
	if d := newDifference(recorded, now); d != nil && (r.tolerance == 0 || !(d.Relative <= r.tolerance)) {
		d.What, d.Step = what, step
		r.difference = d
	}
}

// findMissing takes the earliest recorded value up to a step that the run did
// not bring forth again for a difference.
func (r *replay) findMissing(steps int) {
	for _, series := range slices.Sorted(maps.Keys(r.points)) {
		for step, value := range r.recorded.series[series] {
			if step <= steps && (r.difference == nil || step < r.difference.Step) {
				r.difference = &Difference{What: series, Step: step, Recorded: &value, Relative: math.NaN()}
			}
		}
	}
}

// report fills in what was compared and what could not be.
func (r *replay) report(v *Verification) {
	for _, n := range r.points {
		v.Points += n
	}
	v.Series, v.Grids, v.Evaluations, v.Difference = len(r.points), r.grids, r.evaluations, r.difference
	if v.Difference != nil {
		v.Steps = v.Difference.Step
		return
	}
	slices.Sort(r.unrecorded)
	for _, name := range r.unrecorded {
		v.Notes = append(v.Notes, fmt.Sprintf("the run has no series %s to compare with", name))
	}
	if r.missingGrids > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("the run lacks %d of the grids drawn now", r.missingGrids))
	}
	for _, name := range slices.Sorted(maps.Keys(r.recorded.series)) {
		if r.points[name] == 0 && hasStep(r.recorded.series[name], v.Steps) {
			v.Notes = append(v.Notes, fmt.Sprintf("its series %s is not recorded by this version of harness", name))
		}
	}
}

// newDifference measures how far two values are apart; nil if they are equal to
// the bit, or both not a number.
func newDifference(recorded, now float64) *Difference {
	if math.Float64bits(recorded) == math.Float64bits(now) || math.IsNaN(recorded) && math.IsNaN(now) {
		return nil
	}
	d := &Difference{Recorded: &recorded, Now: &now, Relative: math.NaN()}
	if math.IsNaN(recorded+now) || math.IsInf(recorded, 0) || math.IsInf(now, 0) {
		return d
	}
	d.Relative = 0 // zeros of different signs
	if largest := max(math.Abs(recorded), math.Abs(now)); largest > 0 {
		d.Relative = math.Abs(now/largest - recorded/largest)
	}
	if d.SinglePrecision = float64(float32(recorded)) == recorded && float64(float32(now)) == now; d.SinglePrecision {
		d.ULPs = apart(ordered32(float32(recorded)), ordered32(float32(now)))
	} else {
		d.ULPs = apart(ordered64(recorded), ordered64(now))
	}
	return d
}

// ordered64 numbers the floating-point numbers in their order.
func ordered64(x float64) int64 {
	bits := int64(math.Float64bits(x))
	if bits < 0 {
		return math.MinInt64 - bits
	}
	return bits
}

func ordered32(x float32) int64 {
	bits := int32(math.Float32bits(x))
	if bits < 0 {
		return int64(math.MinInt32) - int64(bits)
	}
	return int64(bits)
}

func apart(a, b int64) uint64 { return uint64(max(a, b)) - uint64(min(a, b)) }

func hasStep(points map[int]float64, upTo int) bool {
	for step := range points {
		if step <= upTo {
			return true
		}
	}
	return false
}

// isDuration tells whether a series holds times, which no repetition repeats.
func isDuration(series string) bool {
	_, ok := record.Phase(series)
	return ok
}
