package statistics

import (
	"math"
	"testing"

	"flowharness/harness/internal/random"
)

// Expected values are those of scipy 1.x (ttest_ind, ttest_rel, binomtest) and
// statsmodels (multipletests, TTestIndPower).
var (
	seedsA = []float64{0.91, 0.93, 0.92, 0.95, 0.90}
	seedsB = []float64{0.96, 0.94, 0.97, 0.99, 0.95, 0.93}
	seedsC = []float64{0.94, 0.93, 0.96, 0.99, 0.90}
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestTestsOfMeansAgreeWithScipy(t *testing.T) {
	w := Welch(seedsA, seedsB)
	near(t, "Welch's t", w.Statistic, 2.813895659894491, 1e-10)
	near(t, "Welch's df", w.DF, 8.932763333636524, 1e-9)
	near(t, "Welch's p", w.P, 0.020393150801725622, 1e-9)
	p := Paired(seedsA, seedsC)
	near(t, "paired t", p.Statistic, 2.4003967925959153, 1e-10)
	near(t, "paired df", p.DF, 4, 0)
	near(t, "paired p", p.P, 0.07432433482636888, 1e-9)
}

func TestWhatCannotBeTestedSaysWhy(t *testing.T) {
	for name, got := range map[string]Test{
		"one value":                 Welch([]float64{1}, []float64{1, 2}),
		"no variance":               Welch([]float64{1, 1}, []float64{2, 2}),
		"one pair":                  Paired([]float64{1}, []float64{2}),
		"differences do not vary":   Paired([]float64{1, 2}, []float64{2, 3}),
		"huge values":               Welch([]float64{1e308, -1e308, 5}, []float64{1, 2}),
		"huge pairs":                Paired([]float64{1e308, -1e308, 5}, []float64{-1e308, 2, 1}),
		"nothing but rounding":      Paired([]float64{0.95, 0.952, 0.948}, []float64{0.90, 0.902, 0.898}),
		"nothing to compare at all": McNemar(Discordance{}),
	} {
		if !math.IsNaN(got.P) || got.Why == "" {
			t.Errorf("%s: p is %v, because %q", name, got.P, got.Why)
		}
	}
	if one := Welch([]float64{1, 1}, []float64{2, 2.5, 3}); !(one.P > 0 && one.P < 1) {
		t.Errorf("zero variance in one sample gives p = %v", one.P)
	}
}

func TestMcNemarAgreesWithScipy(t *testing.T) {
	for _, c := range []struct {
		first, second int
		p             float64
	}{{12, 3, 0.03515625}, {6, 0, 0.03125}, {10, 10, 1}, {60, 40, 0.05688793364098089}, {0, 0, 1}} {
		near(t, "p", McNemar(Discordance{Items: 200, OnlyFirst: c.first, OnlySecond: c.second}).P, c.p, 1e-12)
	}
	low, high := Discordance{Items: 200, OnlyFirst: 10, OnlySecond: 25}.Interval()
	near(t, "low", low, 0.016948380586895594, 1e-12)
	near(t, "high", high, 0.1315664708982529, 1e-12)
	low, high = Wilson(95, 100)
	near(t, "low", low, 0.8882495307680809, 1e-12)
	near(t, "high", high, 0.978456320845632, 1e-12)
	var d Discordance
	d.Add([]bool{true, true, false, false}, []bool{true, false, true, true})
	if d != (Discordance{4, 1, 2}) {
		t.Errorf("counted %+v", d)
	}
}

func TestHolmAgreesWithStatsmodels(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, math.NaN(), 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, math.NaN(), 0.06, 0.02} {
		if math.IsNaN(want) != math.IsNaN(got[i]) || math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("p %d is %v, want %v", i, got[i], want)
		}
	}
}

// TestRequiredNumbersAreThoseOfThePowerOfTheTTest: statsmodels solves for the
// noncentral t.
func TestRequiredNumbersAreThoseOfThePowerOfTheTTest(t *testing.T) {
	for _, c := range []struct {
		effect, alpha float64
		paired        bool
		want          int
	}{
		{0.3, 0.05, false, 176}, {0.5, 0.05, false, 64}, {1, 0.05, false, 17}, {1.5, 0.05, false, 9},
		{0.3, 0.005, false, 298}, {1, 0.005, false, 29},
		{0.3, 0.05, true, 90}, {0.5, 0.05, true, 34}, {1, 0.05, true, 10},
	} {
		sd2 := 2.0
		if c.paired {
			sd2 = 1
		}
		got := RequiredPerGroup(c.effect, sd2, c.alpha, c.paired)
		if got < c.want-1 || got > c.want+1 {
			t.Errorf("an effect of %v at level %v (paired: %v) needs %d, want %d", c.effect, c.alpha, c.paired, got, c.want)
		}
	}
	for _, none := range []int{RequiredPerGroup(0, 1, 0.05, false), RequiredPerGroup(1, math.NaN(), 0.05, false),
		RequiredPerGroup(1, 0, 0.05, false)} {
		if none != 0 {
			t.Errorf("%d are needed where nothing is known", none)
		}
	}
}

// simulate returns how often a property holds of drawn experiments.
func simulate(stream string, times int, holds func(normal func(n int, mean, sd float64) []float64, uniform func() float64) bool) float64 {
	rng := random.New(1, stream, 0)
	normal := func(n int, mean, sd float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = mean + sd*rng.NormFloat64()
		}
		return x
	}
	count := 0
	for range times {
		if holds(normal, rng.Float64) {
			count++
		}
	}
	return float64(count) / float64(times)
}

func TestTestsHoldTheirLevel(t *testing.T) {
	const times = 4000
	type draw = func(n int, mean, sd float64) []float64
	for _, c := range []struct {
		name      string
		low, high float64
		rejects   func(normal draw, uniform func() float64) bool
	}{
		{"Welch, four against four", 0.03, 0.06, func(n draw, _ func() float64) bool { return Welch(n(4, 0, 1), n(4, 0, 1)).P <= Level }},
		{"Welch, unequal spread and size", 0.03, 0.07, func(n draw, _ func() float64) bool { return Welch(n(4, 0, 3), n(8, 0, 1)).P <= Level }},
		{"paired t, five pairs", 0.04, 0.06, func(n draw, _ func() float64) bool { return Paired(n(5, 0, 1), n(5, 0, 2)).P <= Level }},
		{"McNemar", 0, 0.051, func(_ draw, u func() float64) bool {
			d := Discordance{Items: 200}
			for range d.Items {
				if u() < 0.15 {
					if u() < 0.5 {
						d.OnlyFirst++
					} else {
						d.OnlySecond++
					}
				}
			}
			return McNemar(d).P <= Level
		}},
		{"Holm over six tests", 0.02, 0.06, func(n draw, _ func() float64) bool {
			p := make([]float64, 6)
			for i := range p {
				p[i] = Welch(n(5, 0, 1), n(5, 0, 1)).P
			}
			for _, v := range Holm(p) {
				if v <= Level {
					return true
				}
			}
			return false
		}},
	} {
		if rate := simulate(c.name, times, c.rejects); rate < c.low || rate > c.high {
			t.Errorf("%s: rejects %.3f of true hypotheses, want between %v and %v", c.name, rate, c.low, c.high)
		}
	}
}

func TestBootstrapIntervalsCoverTheMean(t *testing.T) {
	rng := random.New(1, "bootstrap", 0)
	for _, c := range []struct {
		n         int
		low, high float64
	}{{4, 0.84, 0.91}, {8, 0.92, 0.97}, {20, 0.93, 0.97}} {
		rate := simulate("coverage", 300, func(normal func(int, float64, float64) []float64, _ func() float64) bool {
			low, high := MeanInterval(rng, normal(c.n, 0, 1))
			return low <= 0 && 0 <= high
		})
		if rate < c.low-0.03 || rate > c.high+0.03 {
			t.Errorf("%d values: the interval covers the mean in %.3f of cases", c.n, rate)
		}
	}
	rate := simulate("difference", 300, func(normal func(int, float64, float64) []float64, _ func() float64) bool {
		low, high := DifferenceInterval(rng, normal(6, 0, 1), normal(6, 1, 2))
		return low <= 1 && 1 <= high
	})
	if rate < 0.9 || rate > 0.99 {
		t.Errorf("the interval covers the difference in %.3f of cases", rate)
	}
}

func TestBootstrapIsRepeatable(t *testing.T) {
	one, two := random.New(7, "x", 0), random.New(7, "x", 0)
	aLow, aHigh := DifferenceInterval(one, seedsA, seedsB)
	bLow, bHigh := DifferenceInterval(two, seedsA, seedsB)
	if aLow != bLow || aHigh != bHigh {
		t.Errorf("[%v, %v] and [%v, %v]", aLow, aHigh, bLow, bHigh)
	}
	if !(aLow > 0 && aLow < 0.035 && aHigh > 0.035 && aHigh < 0.08) {
		t.Errorf("the interval is [%v, %v]", aLow, aHigh)
	}
	if low, high := MeanInterval(one, []float64{2, 2}); low != 2 || high != 2 {
		t.Errorf("without variance the interval is [%v, %v]", low, high)
	}
	if low, _ := MeanInterval(one, []float64{2}); !math.IsNaN(low) {
		t.Errorf("one value has the interval from %v", low)
	}
}
