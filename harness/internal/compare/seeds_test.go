package compare_test

import (
	"math"
	"slices"
	"testing"

	"flowharness/harness/internal/compare"
)

func TestOfARepeatedRunTheLatestCounts(t *testing.T) {
	type run struct {
		config string
		seed   uint64
		id     string
	}
	for _, c := range []struct {
		name string
		runs []run
		want []int
	}{
		{"none", nil, nil},
		{"seeds", []run{{"a", 0, "1"}, {"a", 1, "2"}}, []int{0, 1}},
		{"a later run of a seed", []run{{"a", 0, "1"}, {"a", 1, "2"}, {"a", 0, "3"}}, []int{2, 1}},
		{"an earlier one, listed later", []run{{"a", 0, "3"}, {"a", 1, "2"}, {"a", 0, "1"}}, []int{0, 1}},
		{"another config", []run{{"a", 0, "1"}, {"b", 0, "2"}}, []int{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compare.Independent(len(c.runs), func(i int) (string, uint64, string) { return c.runs[i].config, c.runs[i].seed, c.runs[i].id })
			if !slices.Equal(got, c.want) {
				t.Errorf("counted %v, want %v", got, c.want)
			}
		})
	}
}

func TestAMeanOverSeedsDoesNotDependOnTheirOrder(t *testing.T) {
	values := []compare.Value{0.31, 0.25, 0.4, 0.28, 0.36}
	a := compare.MeanOver("accuracy", values)
	reversed := slices.Clone(values)
	slices.Reverse(reversed)
	b := compare.MeanOver("accuracy", reversed)
	if a.N != 5 || a.Low != b.Low || a.High != b.High || !(a.Low < a.Mean && a.Mean < a.High) {
		t.Errorf("forwards %v [%v, %v], backwards %v [%v, %v]", a.Mean, a.Low, a.High, b.Mean, b.Low, b.High)
	}
	if c := compare.MeanOver("fd", values); c.Low == a.Low && c.High == a.High {
		t.Error("two metrics are resampled with one stream of random numbers")
	}
}

func TestAMeanOverSeedsOfWhatIsNotThere(t *testing.T) {
	missing, infinite := compare.Value(math.NaN()), compare.Value(math.Inf(1))
	for _, c := range []struct {
		name     string
		values   []compare.Value
		n        int
		mean     compare.Value
		interval bool
	}{
		{"nothing", nil, 0, missing, false},
		{"one", []compare.Value{2}, 1, 2, false},
		{"one of two", []compare.Value{missing, 3}, 1, 3, false},
		{"two of three", []compare.Value{1, missing, 3}, 2, 2, true},
		{"one that diverged", []compare.Value{1, infinite}, 2, infinite, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := compare.MeanOver("accuracy", c.values)
			if s.N != c.n || s.Mean.Text() != c.mean.Text() || s.Low.Missing() == c.interval || s.High.Missing() == c.interval {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// TestMeansOfManyRunsGoOverIntoEachOther: above some number of runs an interval is not resampled any more.
func TestMeansOfManyRunsGoOverIntoEachOther(t *testing.T) {
	width := func(n int) float64 {
		values := make([]compare.Value, n)
		for i := range values {
			values[i] = compare.Value(i % 10)
		}
		s := compare.MeanOver("accuracy", values)
		return float64(s.High - s.Low)
	}
	if resampled, approximated := width(200), width(210); math.Abs(approximated/resampled*math.Sqrt(210./200)-1) > 0.05 {
		t.Errorf("the interval of 200 runs is %v wide, that of 210 is %v", resampled, approximated)
	}
}
