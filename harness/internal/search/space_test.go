package search

import (
	"math"
	"strconv"
	"testing"
)

func TestValuesAreCanonicalAndInsideTheirRange(t *testing.T) {
	last := math.Nextafter(1, 0)
	for _, tc := range []struct {
		name      string
		dimension Dimension
		u         float64
		want      string
	}{
		{"a range begins at its lower end", Dimension{Min: 0.1, Max: 0.7}, 0, "0.1"},
		{"a range reaches its upper end", Dimension{Min: 0.1, Max: 0.7}, last, "0.7"},
		{"a number has five digits", Dimension{Min: 0, Max: 1}, 1.0 / 3, "0.33333"},
		{"trailing zeros are left out", Dimension{Min: 0, Max: 1}, 0.5, "0.5"},
		{"a whole value has no point", Dimension{Min: 0, Max: 4}, 0.5, "2"},
		{"a small number has an exponent", Dimension{Min: 0, Max: 1e-4}, 0.25, "2.5e-05"},
		{"a range may be around zero", Dimension{Min: -1, Max: 1}, 0.5, "0"},
		{"zero has no sign", Dimension{Min: math.Copysign(0, -1), Max: 1}, 0, "0"},
		{"negative numbers", Dimension{Min: -3, Max: -1}, 0.25, "-2.5"},
		{"a narrow range has more digits", Dimension{Min: 0.99, Max: 0.999}, 1.0 / 3, "0.993"},
		{"a very narrow range has yet more", Dimension{Min: 1000, Max: 1000.001}, 1.0 / 3, "1000.0003333"},
		{"a range hardly wider than nothing has all digits", Dimension{Min: 1, Max: 1 + 16*0x1p-52}, 0.5, "1.0000000000000018"},
		{"rounding does not leave a range downwards", Dimension{Min: 0.123451, Max: 0.9}, 0, "0.123451"},
		{"rounding does not leave a range upwards", Dimension{Min: 0.1, Max: 0.987659}, last, "0.987659"},
		{"the widest range", Dimension{Min: -math.MaxFloat64, Max: math.MaxFloat64}, 0.75, "8.9885e+307"},
		{"the end of the widest range", Dimension{Min: -math.MaxFloat64, Max: math.MaxFloat64}, last, "1.7976931348623157e+308"},

		{"a logarithmic range begins at its lower end", Dimension{Min: 1e-4, Max: 1e-2, Log: true}, 0, "0.0001"},
		{"the middle of a logarithmic range is the geometric mean", Dimension{Min: 1e-4, Max: 1e-2, Log: true}, 0.5, "0.001"},
		{"a quarter of a logarithmic range", Dimension{Min: 1e-4, Max: 1e-2, Log: true}, 0.25, "0.00031623"},
		{"a logarithmic range reaches its upper end", Dimension{Min: 1e-4, Max: 1e-2, Log: true}, last, "0.01"},
		{"rounding does not leave a logarithmic range", Dimension{Min: 1.000001e-4, Max: 1e-2, Log: true}, 0, "0.0001000001"},

		{"whole numbers begin at the lower end", Dimension{Min: 2, Max: 5, Integer: true}, 0, "2"},
		{"whole numbers have equal parts", Dimension{Min: 2, Max: 5, Integer: true}, 0.25, "3"},
		{"whole numbers reach the upper end", Dimension{Min: 2, Max: 5, Integer: true}, last, "5"},
		{"negative whole numbers", Dimension{Min: -2, Max: 2, Integer: true}, 0.3, "-1"},
		{"large whole numbers are in digits", Dimension{Min: 0, Max: 1 << 53, Integer: true}, 0.5, "4503599627370496"},
		{"the last of many whole numbers", Dimension{Min: -(1 << 51), Max: 1 << 51, Integer: true}, last, "2251799813685248"},
		{"whole numbers in logarithm begin at the lower end", Dimension{Min: 1, Max: 100, Integer: true, Log: true}, 0, "1"},
		{"the middle of whole numbers in logarithm", Dimension{Min: 16, Max: 128, Integer: true, Log: true}, 0.5, "45"},
		{"whole numbers in logarithm reach the upper end", Dimension{Min: 16, Max: 128, Integer: true, Log: true}, last, "128"},

		{"the first choice", Dimension{Choices: []string{"constant", "cosine"}}, 0, "constant"},
		{"the last choice", Dimension{Choices: []string{"constant", "cosine"}}, last, "cosine"},
		{"choices have equal parts", Dimension{Choices: []string{"0.1", `"a b"`, "true"}}, 0.34, `"a b"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.dimension.Value(tc.u)
			if got != tc.want || !tc.dimension.inside(got) {
				t.Errorf("the value at %v is %s, want %s", tc.u, got, tc.want)
			}
		})
	}
}

func TestEveryWholeNumberHasItsShare(t *testing.T) {
	const n = 100_000
	for _, tc := range []struct {
		name      string
		dimension Dimension
		share     func(k float64) float64
	}{
		{"equal shares", Dimension{Min: 1, Max: 8, Integer: true}, func(float64) float64 { return 1.0 / 8 }},
		{"shares that fall with the number", Dimension{Min: 1, Max: 8, Integer: true, Log: true},
			func(k float64) float64 { return math.Log((k+0.5)/(k-0.5)) / math.Log(8.5/0.5) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			counts := map[string]int{}
			for i := range n {
				counts[tc.dimension.Value(float64(i)/n)]++
			}
			for k := 1; k <= 8; k++ {
				got := float64(counts[strconv.Itoa(k)]) / n
				if want := tc.share(float64(k)); math.Abs(got-want) > 2.0/n {
					t.Errorf("%d has a share of %v, want %v", k, got, want)
				}
			}
		})
	}
}

// FuzzValue asserts that every range that is not refused holds its values, that
// they grow with u, and that they are read back as they were written.
func FuzzValue(f *testing.F) {
	f.Add(1e-4, 1e-2, uint32(7), false, true)
	f.Add(16.0, 128.0, uint32(1<<31), true, true)
	f.Add(-3.0, 3.0, uint32(1<<32-1), true, false)
	f.Add(-math.MaxFloat64, math.MaxFloat64, uint32(1<<32-1), false, false)
	f.Add(5e-324, math.MaxFloat64, uint32(0), false, true)
	f.Fuzz(func(t *testing.T, low, high float64, x uint32, integer, log bool) {
		d := Dimension{Path: "a", Min: low, Max: high, Integer: integer, Log: log}
		c := wide(Sobol, 0)
		c.Space = Space{d}
		if c.Validate() != nil {
			return
		}
		previous := math.Inf(-1)
		for _, u := range []float64{0, float64(x) / (1 << 33), float64(x) / (1 << 32), math.Nextafter(1, 0)} {
			text := d.Value(u)
			if !d.inside(text) {
				t.Fatalf("the value at %v is %s, which is not of %+v", u, text, d)
			}
			v, _ := strconv.ParseFloat(text, 64)
			if v < previous {
				t.Errorf("the value at %v is %s, below %v, of %+v", u, text, previous, d)
			}
			if again := shortest(v); !integer && again != text {
				t.Errorf("%s is read as %s", text, again)
			}
			previous = v
		}
	})
}
