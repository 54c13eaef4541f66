package compare

import (
	"math"
	"slices"

	"flowharness/harness/internal/random"
	"flowharness/harness/internal/statistics"
)

// MinSeeds is how many seeds a group needs for a verdict: with three against
// three not even complete separation is rare enough under a test that assumes
// nothing, and three values show little of their spread.
const MinSeeds = 4

// Verdict is what can be said of a group against the first.
type Verdict string

// Verdicts.
const (
	Better        Verdict = "better"
	Worse         Verdict = "worse"
	Different     Verdict = "different" // significantly, of a metric without a direction
	NoEvidence    Verdict = "no evidence"
	TooFewSeeds   Verdict = "too few seeds"
	NoVariance    Verdict = "no variance" // nothing that a test could be made of
	NotComparable Verdict = "not comparable"
	NoValue       Verdict = "no value"
)

// Comparison is a metric of a group against that of the first group.
type Comparison struct {
	Group      string  `json:"group"`
	Against    string  `json:"against"`
	Difference Value   `json:"difference"` // of the means, group minus first
	Low        Value   `json:"low"`        // 95 % bootstrap interval of it, over seeds
	High       Value   `json:"high"`
	Test       string  `json:"test"` // "Welch t" or "paired t"; empty where none was made
	Statistic  Value   `json:"statistic"`
	DF         Value   `json:"df"`
	P          Value   `json:"p"`
	PHolm      Value   `json:"p_holm"` // corrected over the metrics shown
	Verdict    Verdict `json:"verdict"`
	// Needed is how many seeds a group would be needed to find the difference
	// seen; 0 where that cannot be known.
	Needed int            `json:"needed,omitempty"`
	Images *ImageEvidence `json:"images,omitempty"`

	Why    string `json:"-"` // it is not comparable, or not tested
	Seeds  [2]int `json:"-"` // of the first group and of this
	Family int    `json:"-"` // number of tests that are corrected together

	test   statistics.Test // as it came out
	paired bool
	spread float64 // sum of the variances, or the variance of the pairs' differences
}

// ImageEvidence compares two models image by image, each pair drawn from the
// same noise. It speaks about these checkpoints, not about others of the same
// config.
type ImageEvidence struct {
	Pairs      int     `json:"model_pairs"` // pairs of runs of equal seed, or the two runs
	Images     int     `json:"images"`
	OnlyFirst  int     `json:"only_first"` // right in the first group only
	OnlySecond int     `json:"only_second"`
	Difference Value   `json:"difference"`
	Low        Value   `json:"low"` // 95 % interval after Agresti and Min
	High       Value   `json:"high"`
	Test       string  `json:"test"`
	P          Value   `json:"p"`
	PHolm      Value   `json:"p_holm"`
	Verdict    Verdict `json:"verdict"`
}

// judge compares every group with the first.
func (r *Result) judge() {
	for _, rows := range [][]Row{r.Metrics, r.Cost} {
		for i := range rows {
			for g := 1; g < len(r.Groups); g++ {
				rows[i].Comparisons = append(rows[i].Comparisons, r.compare(rows[i], g))
			}
		}
		correct(rows)
		for i := range rows {
			for j := range rows[i].Comparisons {
				rows[i].Comparisons[j].decide(rows[i].Metric)
			}
		}
	}
}

// compare makes the tests of one metric and group; verdicts follow once they are
// corrected.
func (r *Result) compare(row Row, g int) Comparison {
	c := Comparison{Group: r.Groups[g].Label, Against: r.Groups[0].Label, Difference: missing, Low: missing, High: missing,
		Statistic: missing, DF: missing, P: missing, PHolm: missing}
	a, b := row.Groups[0], row.Groups[g]
	c.Seeds = [2]int{a.N, b.N}
	if a.N == 0 || b.N == 0 {
		c.Verdict = NoValue
		return c
	}
	if c.Why = r.limits[g].limit(row.Metric); c.Why != "" {
		c.Verdict = NotComparable
		return c
	}
	c.Difference = b.Mean - a.Mean
	if math.IsNaN(float64(c.Difference)) || math.IsInf(float64(c.Difference), 0) {
		c.Verdict, c.Why, c.Difference = NotComparable, "a value is infinite", missing
		return c
	}
	x, y := numbers(a.Values), numbers(b.Values)
	pairedX, pairedY, paired := r.pairs(row, g)
	rng := random.New(0, "compare/difference/"+row.Name, uint64(g))
	var low, high float64
	if paired {
		c.test = statistics.Paired(pairedX, pairedY)
		low, high = statistics.MeanInterval(rng, statistics.Differences(pairedX, pairedY))
	} else {
		c.test = statistics.Welch(x, y)
		low, high = statistics.DifferenceInterval(rng, x, y)
	}
	c.Low, c.High = Value(low), Value(high)
	c.Images = r.imageEvidence(row.Name, g)
	switch {
	case a.N < MinSeeds || b.N < MinSeeds:
		c.Verdict = TooFewSeeds
	case c.test.Why != "":
		c.Verdict, c.Why = NoVariance, c.test.Why
	default:
		c.Test, c.Statistic, c.DF, c.P = c.test.Name, Value(c.test.Statistic), Value(c.test.DF), Value(c.test.P)
	}
	c.paired, c.spread = paired, float64(a.StdDev)*float64(a.StdDev)+float64(b.StdDev)*float64(b.StdDev)
	if paired {
		sd := statistics.StdDev(statistics.Differences(pairedX, pairedY))
		c.spread = sd * sd
	}
	return c
}

// pairs returns the values of both groups by seed, if they have the same seeds:
// runs of one seed share their initial weights, batches and noise.
func (r *Result) pairs(row Row, g int) (x, y []float64, ok bool) {
	first, other := r.Groups[0], r.Groups[g]
	if len(first.Counted) != len(other.Counted) || len(first.Counted) < 2 {
		return nil, nil, false
	}
	for i, seed := range first.Seeds {
		j := slices.Index(other.Seeds, seed)
		if j < 0 || slices.Index(first.Seeds, seed) != i || slices.Index(other.Seeds[j+1:], seed) >= 0 {
			return nil, nil, false
		}
		a, b := row.Groups[0].Values[i], row.Groups[g].Values[j]
		if a.Missing() || b.Missing() {
			return nil, nil, false
		}
		x, y = append(x, float64(a)), append(y, float64(b))
	}
	return x, y, true
}

// imageEvidence compares accuracies image by image where both groups drew from
// the same noise. It is for comparisons that have too few seeds.
func (r *Result) imageEvidence(metric string, g int) *ImageEvidence {
	if metric != "accuracy" || r.Settings[0] == nil || r.Settings[g] == nil {
		return nil
	}
	first, other := r.Groups[0], r.Groups[g]
	var d statistics.Discordance
	pairs := 0
	add := func(i, j int) {
		a, b := r.records[i].evaluation(*r.Settings[0]), r.records[j].evaluation(*r.Settings[g])
		if a == nil || b == nil || len(a.Correct) == 0 || len(a.Correct) != len(b.Correct) || a.Seed != b.Seed {
			return
		}
		d.Add(a.Correct, b.Correct)
		pairs++
	}
	if len(first.Counted) == 1 && len(other.Counted) == 1 {
		add(first.Counted[0], other.Counted[0])
	} else {
		for i, seed := range first.Seeds {
			if j := slices.Index(other.Seeds, seed); j >= 0 && slices.Index(first.Seeds, seed) == i {
				add(first.Counted[i], other.Counted[j])
			}
		}
	}
	if pairs == 0 {
		return nil
	}
	test := statistics.McNemar(d)
	low, high := d.Interval()
	return &ImageEvidence{Pairs: pairs, Images: d.Items, OnlyFirst: d.OnlyFirst, OnlySecond: d.OnlySecond,
		Difference: Value(float64(d.OnlySecond-d.OnlyFirst) / float64(d.Items)), Low: Value(low), High: Value(high),
		Test: test.Name, P: Value(test.P), PHolm: missing}
}

// correct applies Holm's correction to the tests over seeds of all rows, and to
// those over images.
func correct(rows []Row) {
	var seeds, images []*Comparison
	family := 0 // with those that lack seeds
	for i := range rows {
		for j := range rows[i].Comparisons {
			c := &rows[i].Comparisons[j]
			if !c.P.Missing() {
				seeds = append(seeds, c)
			}
			if !c.P.Missing() || c.Verdict == TooFewSeeds {
				family++
			}
			if c.Images != nil {
				images = append(images, c)
			}
		}
	}
	p := make([]float64, len(seeds))
	for i, c := range seeds {
		p[i] = float64(c.P)
	}
	for i, adjusted := range statistics.Holm(p) {
		seeds[i].PHolm = Value(adjusted)
	}
	for i := range rows {
		for j := range rows[i].Comparisons {
			rows[i].Comparisons[j].Family = family
		}
	}
	p = make([]float64, len(images))
	for i, c := range images {
		p[i] = float64(c.Images.P)
	}
	for i, adjusted := range statistics.Holm(p) {
		images[i].Images.PHolm = Value(adjusted)
	}
}

// decide turns corrected p-values into verdicts.
func (c *Comparison) decide(m Metric) {
	if c.Verdict == "" {
		c.Verdict = verdict(m, c.PHolm, c.Difference)
	}
	if c.Verdict == NoEvidence || c.Verdict == TooFewSeeds {
		// At the level that Holm's correction asks of the first of the family.
		alpha := statistics.Level / float64(max(1, c.Family))
		if n := statistics.RequiredPerGroup(float64(c.Difference), c.spread, alpha, c.paired); n > 0 {
			c.Needed = max(n, MinSeeds)
		}
	}
	if c.Images != nil {
		c.Images.Verdict = verdict(m, c.Images.PHolm, c.Images.Difference)
	}
}

func verdict(m Metric, p, difference Value) Verdict {
	switch {
	case !(float64(p) <= statistics.Level):
		return NoEvidence
	case m.Better == Neither:
		return Different
	case m.better(float64(difference)):
		return Better
	default:
		return Worse
	}
}
