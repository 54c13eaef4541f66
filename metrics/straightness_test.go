package metrics

import (
	"math"
	"strings"
	"testing"
)

// follow runs n trajectories x(i, j, t) through the given steps.
func follow(t *testing.T, s *Straightness, n, dim int, steps []float64, x func(i, j int, t float64) float64) {
	t.Helper()
	at := func(now float64) []float32 {
		var out []float32
		for i := range n {
			for j := range dim {
				out = append(out, float32(x(i, j, now)))
			}
		}
		return out
	}
	now := 0.0
	for _, dt := range steps {
		if err := s.Step(at(now), at(now+dt), dt); err != nil {
			t.Fatal(err)
		}
		now += dt
	}
	s.End()
}

func TestStraightnessIsNumPysIntegral(t *testing.T) {
	s := NewStraightness(4)
	curve := func(i, j int, t float64) float64 { return math.Sin(float64(i)+3*t+float64(j)) + t*float64(j+1) }
	follow(t, s, 6, 4, []float64{.1, .2, .3, .15, .25}, curve)
	r := s.Result()
	for _, v := range []struct {
		name      string
		got, want float64
	}{
		{"raw", r.Raw, 9.31223290168873}, {"its error", r.RawStdErr, 0.5160094866156423},
		{"relative", r.Relative, 0.3038847338467549}, {"its error", r.RelativeStdErr, 0.08286350861151129},
		{"path ratio", r.PathRatio, 1.106819903517059}, {"its error", r.PathRatioStdErr, 0.029708066812616986},
	} {
		if !near(v.got, v.want, 1e-6) {
			t.Errorf("%s %.10g, want %.10g", v.name, v.got, v.want)
		}
	}
}

func TestStraightnessKnowsStraightLines(t *testing.T) {
	even := []float64{0.25, 0.25, 0.25, 0.25}
	line := func(i, j int, t float64) float64 { return float64(i) + t*float64(j+1) }
	for _, tc := range []struct {
		name                  string
		steps                 []float64
		x                     func(i, j int, t float64) float64
		relative, ratio, near float64
	}{
		{"a straight line", even, line, 0, 1, 1e-6},
		{"uneven steps", []float64{0.7, 0.1, 0.2}, line, 0, 1, 1e-6},
		{"one step of anything", []float64{1}, func(i, j int,
			t float64) float64 {
			return float64(i) + math.Exp(float64(j)*t) - math.Cos(t)
		}, 0, 1, 1e-6},
		// Along a line with speed 2t: ∫(1-2t)² dt = ⅓ in the limit, ¼·Σ(1-2t)² at four midpoints = 0.3125.
		{"a line at changing speed", even, func(i, j int, t float64) float64 { return t * t }, 0.3125, 1, 1e-6},
		// A right angle, half the time each: v is twice either half; ∫‖Δ-v‖² = 2 = ‖Δ‖².
		{"a right angle", []float64{0.5, 0.5}, func(i, j int, t float64) float64 {
			if j == 0 {
				return min(2*t, 1)
			}
			return max(2*t-1, 0)
		}, 1, math.Sqrt2, 1e-6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStraightness(2)
			follow(t, s, 3, 2, tc.steps, tc.x)
			r := s.Result()
			if !near(r.Relative, tc.relative, tc.near) || !near(r.PathRatio, tc.ratio, tc.near) {
				t.Errorf("relative %g, ratio %g; want %g, %g", r.Relative, r.PathRatio, tc.relative, tc.ratio)
			}
			if r.Raw < 0 || r.PathRatio < 1 {
				t.Errorf("out of range: %+v", r)
			}
		})
	}
}

func TestStraightnessDoesNotDependOnUnitsOfTimeOrBatches(t *testing.T) {
	curve := func(i, j int, t float64) float64 { return math.Sin(float64(i+j) + 2*t) }
	whole, backwards, split := NewStraightness(3), NewStraightness(3), NewStraightness(3)
	follow(t, whole, 6, 3, []float64{0.5, 0.5}, curve)
	follow(t, backwards, 6, 3, []float64{-0.5, -0.5}, func(i, j int, t float64) float64 { return curve(i, j, -t) })
	for from := 0; from < 6; from += 2 {
		follow(t, split, 2, 3, []float64{500, 500}, func(i, j int, t float64) float64 { return curve(from+i, j, t/1000) })
	}
	if w, s := whole.Result(), split.Result(); !near(w.Raw, s.Raw, 1e-9) || !near(w.RelativeStdErr, s.RelativeStdErr, 1e-9) || w.N != s.N {
		t.Errorf("whole %+v, in batches with time in thousandths %+v", w, s)
	}
	if w, b := whole.Result(), backwards.Result(); !near(w.Raw, b.Raw, 1e-9) {
		t.Errorf("forwards %+v, with time running down %+v", w, b)
	}
}

func TestStraightnessOfClosedTrajectories(t *testing.T) {
	s := NewStraightness(1)
	follow(t, s, 2, 1, []float64{0.5, 0.5}, func(i, _ int, t float64) float64 { return float64(i)*t + 1 - math.Abs(2*t-1) })
	r := s.Result()
	if r.N != 2 || r.Closed != 1 || math.IsNaN(r.Relative) || math.IsNaN(r.Raw) {
		t.Errorf("%+v", r)
	}
}

func TestStraightnessRefuses(t *testing.T) {
	two, nan := []float32{1, 2}, []float32{1, float32(math.NaN())}
	for _, tc := range []struct {
		name          string
		before, after []float32
		dt            float64
		want          string
	}{
		{"no duration", two, two, 0, "no velocity"},
		{"NaN duration", two, two, math.NaN(), "no velocity"},
		{"half a sample", two[:1], two[:1], 1, "no whole number"},
		{"nothing", nil, nil, 1, "no whole number"},
		{"unlike lengths", two, []float32{1, 2, 3, 4}, 1, "2 values before the step and 4"},
		{"NaN", two, nan, 1, "value 1 of sample 0 is NaN"},
		{"another batch", []float32{1, 2, 3, 4, 5, 6}, []float32{1, 2, 3, 4, 5, 6}, 1, "began with 2 samples and now has 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStraightness(2)
			if tc.name == "another batch" {
				if err := s.Step([]float32{1, 2, 3, 4}, []float32{1, 2, 3, 4}, 1); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Step(tc.before, tc.after, tc.dt); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
