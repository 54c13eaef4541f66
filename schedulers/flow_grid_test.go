package schedulers

import (
	"math"
	"slices"
	"testing"
)

func TestGridsAscendFromNoiseToData(t *testing.T) {
	for _, grid := range []SamplerConfig{{}, {Shift: 3}, {Shift: 0.2}, {Grid: "diffusers"}, {Grid: "karras"}, {Grid: "karras",
		Rho: 1}, {Grid: "karras", Rho: 30}} {
		grid.Name = "euler"
		for _, steps := range []int{1, 2, 3, 50, 999} {
			times := mustPlan(t, grid, ProcessConfig{Name: FlowMatch}, steps).Times
			if len(times) != steps+1 || times[0] != 0 || times[steps] != 1 {
				t.Fatalf("%v in %d steps: %d times from %v to %v", grid, steps, len(times), times[0], times[len(times)-1])
			}
			for i := range steps {
				if times[i] >= times[i+1] {
					t.Errorf("%v in %d steps: time %d is %v, the next %v", grid, steps, i, times[i], times[i+1])
				}
			}
		}
	}
}

func TestKarrasGridIsEquallySpacedInTheRoot(t *testing.T) {
	times := mustPlan(t, SamplerConfig{Name: "euler", Grid: "karras", Rho: 3}, ProcessConfig{Name: FlowMatch}, 5).Times
	for j := range 5 {
		want := 1 - math.Pow(1-0.9*float64(j)/4, 3) // 1000^(-1/3) is 0.1
		if math.Abs(times[j]-want) > 1e-12 {
			t.Errorf("time %d is %v, want %v", j, times[j], want)
		}
	}
}

// TestListedTimesAreTheSteps: a grid that another makes, listed, gives the same plan.
func TestListedTimesAreTheSteps(t *testing.T) {
	for _, name := range []string{"euler", "heun", "midpoint", "rk4", "ab2"} {
		want := mustPlan(t, SamplerConfig{Name: name, Shift: 3}, ProcessConfig{Name: FlowMatch}, 6)
		sampler, err := NewSampler(SamplerConfig{Name: name, Times: want.Times}, ProcessConfig{Name: FlowMatch})
		if err != nil {
			t.Fatal(err)
		}
		got, err := sampler.Plan(6)
		if err != nil || !slices.EqualFunc(got.Calls, want.Calls, func(a, b Call) bool {
			return a.Timestep == b.Timestep && slices.Equal(a.update.coefficients(), b.update.coefficients())
		}) {
			t.Errorf("%s: another plan (%v)", name, err)
		}
		_, err = sampler.Plan(7)
		expectError(t, err, "times lists the ends of 6 steps, not of 7")
	}
}
