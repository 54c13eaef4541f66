package compare

import (
	"context"
	"math"
	"sort"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

// Curve is the course of a run's losses.
type Curve struct {
	Loss []CurvePoint `json:"loss"` // train/loss, in stretches of equally many steps
	Val  []CurvePoint `json:"val"`  // val/loss, as it was measured
}

// CurvePoint is the loss up to a step. Seconds are those spent in training
// steps until then; missing where the run recorded no times.
type CurvePoint struct {
	Step    int   `json:"step"`
	Images  int   `json:"images,omitempty"` // training images seen until then; 0 where the size of the batches is not known
	Seconds Value `json:"seconds"`
	Value   Value `json:"value"`  // mean of the stretch
	Low     Value `json:"low"`    // smallest and
	High    Value `json:"high"`   // largest loss of the stretch: the raw curve
	Smooth  Value `json:"smooth"` // moving mean over a twentieth of the curve
}

// Milestone is a value that was measured along the way.
type Milestone struct {
	Metric         string
	record.Drawing // of the samples that it was measured on; of a loss only the step
	Value          Value
}

// curvePoints is how many points a curve has, and at how many steps the time is
// known exactly; between them it is interpolated.
const curvePoints = 200

func (r *Record) readCurve(ctx context.Context, st *store.Store, run *store.Run) error {
	loss, err := st.Bins(ctx, run.ID, TrainLoss, curvePoints)
	if err != nil {
		return err
	}
	times, err := st.Bins(ctx, run.ID, stepTimes, curvePoints)
	if err != nil {
		return err
	}
	val, err := st.Series(ctx, run.ID, ValLoss, store.SeriesOptions{MaxPoints: curvePoints})
	if err != nil {
		return err
	}
	r.clock = newClock(times)
	diet := dietOf(*r)
	for _, b := range loss {
		r.curve.Loss = append(r.curve.Loss, CurvePoint{Step: b.Last, Images: diet.seen(b.Last), Seconds: r.clock.at(b.Last), Value: Value(b.Mean),
			Low: Value(b.Min), High: Value(b.Max), Smooth: missing})
	}
	smooth(r.curve.Loss)
	for _, p := range val {
		v := Value(p.Value)
		r.curve.Val = append(r.curve.Val, CurvePoint{Step: p.Step, Images: diet.seen(p.Step), Seconds: r.clock.at(p.Step), Value: v, Low: v,
			High: v, Smooth: v})
		r.reached = append(r.reached, Milestone{ValLoss, record.Drawing{Step: p.Step}, v})
	}
	return nil
}

// smooth fills in the moving mean, which leaves out what is no number.
func smooth(points []CurvePoint) {
	half := max(1, len(points)/40)
	if len(points) < 10 {
		half = 0
	}
	for i := range points {
		var sum float64
		var n int
		for _, p := range points[max(0, i-half):min(len(points), i+half+1)] {
			if !p.Value.Missing() && !math.IsInf(float64(p.Value), 0) {
				sum += float64(p.Value)
				n++
			}
		}
		if n > 0 && !points[i].Value.Missing() {
			points[i].Smooth = Value(sum / float64(n))
		}
	}
}

// clock knows how much time was spent in training steps.
type clock struct {
	steps   []int
	seconds []float64 // at the end of each
}

func newClock(times []store.Bin) clock {
	var c clock
	var total float64
	for _, b := range times {
		if !math.IsNaN(b.Sum) {
			total += b.Sum
		}
		c.steps, c.seconds = append(c.steps, b.Last), append(c.seconds, total)
	}
	return c
}

// at is the time at the end of a step.
func (c clock) at(step int) Value {
	n := len(c.steps)
	if n == 0 {
		return missing
	}
	i := sort.SearchInts(c.steps, step)
	if i == n {
		return Value(c.seconds[n-1])
	}
	before, until := 0.0, 0
	if i > 0 {
		before, until = c.seconds[i-1], c.steps[i-1]
	}
	return Value(before + (c.seconds[i]-before)*float64(step-until)/float64(c.steps[i]-until))
}
