package compare

// Tally is what a group comes to against the first: the metrics of losses and
// samples, by verdict.
type Tally struct {
	Group    string
	Against  string
	Verdicts []VerdictMetrics // the telling ones first
}

// VerdictMetrics are the metrics of one verdict.
type VerdictMetrics struct {
	Verdict Verdict
	Metrics []string
}

// tallied is the order of verdicts in a tally.
var tallied = []Verdict{Better, Worse, Different, NoEvidence, TooFewSeeds, NoVariance, NotComparable, NoValue}

// Tallies has one for each group but the first.
func (r *Result) Tallies() []Tally {
	list := make([]Tally, 0, len(r.Groups))
	for g := 1; g < len(r.Groups); g++ {
		t := Tally{Group: r.Groups[g].Label, Against: r.Groups[0].Label}
		for _, v := range tallied {
			var metrics []string
			for _, row := range r.Metrics {
				if row.Comparisons[g-1].Verdict == v {
					metrics = append(metrics, row.Name)
				}
			}
			if len(metrics) > 0 {
				t.Verdicts = append(t.Verdicts, VerdictMetrics{v, metrics})
			}
		}
		list = append(list, t)
	}
	return list
}
