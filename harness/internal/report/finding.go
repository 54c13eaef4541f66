package report

import (
	"fmt"
	"strings"

	"flowharness/harness/internal/compare"
)

// Finding is a verdict in words.
type Finding struct {
	Verdict compare.Verdict `json:"verdict"`
	Text    string          `json:"text"`
}

// Findings are the verdicts on losses and samples in words. What is the same for
// several metrics of a group is said once; where there are very many, only those
// with a verdict are told.
func Findings(r *compare.Result) []Finding {
	const most = 40
	found := findings(r)
	if len(found) <= most {
		return found
	}
	var certain []Finding
	for _, f := range found {
		switch f.Verdict {
		case compare.Better, compare.Worse, compare.Different:
			certain = append(certain, f)
		}
	}
	others := fmt.Sprintf("Of %d other comparisons none has a verdict; the comparison as JSON lists them.", len(found)-len(certain))
	return append(certain, Finding{compare.NoEvidence, others})
}

func findings(r *compare.Result) []Finding {
	type same struct{ group, why string }
	var found []Finding
	at := map[same]int{}
	metrics := map[same][]string{}
	for _, row := range r.Metrics {
		for _, c := range row.Comparisons {
			key := same{c.Group, c.Why}
			merged := c.Verdict == compare.NotComparable || c.Verdict == compare.NoValue ||
				c.Verdict == compare.TooFewSeeds && c.Images == nil && c.Needed == 0 && lostValues(row, c) == ""
			switch c.Verdict {
			case compare.NoValue:
				key.why = "no value" + absent(c)
			case compare.TooFewSeeds:
				key.why = "seeds" + seedCounts(c)
			}
			if !merged {
				found = append(found, Finding{c.Verdict, Sentence(row, c)})
				continue
			}
			metrics[key] = append(metrics[key], row.Name)
			if i, ok := at[key]; ok {
				found[i].Text = together(c, metrics[key])
				continue
			}
			at[key] = len(found)
			found = append(found, Finding{c.Verdict, Sentence(row, c)})
		}
	}
	return found
}

// together says of several metrics what the sentence says of one.
func together(c compare.Comparison, metrics []string) string {
	last := len(metrics) - 1
	names := strings.Join(metrics[:last], ", ") + " and " + metrics[last]
	switch c.Verdict {
	case compare.NoValue:
		return fmt.Sprintf("%s: %s; nothing to compare", names, absent(c))
	case compare.NotComparable:
		return fmt.Sprintf("%s of %s are not ranked: %s", names, c.Group, c.Why)
	}
	return fmt.Sprintf("%s: too few seeds to tell whether %s is better than %s (%s, at least %d each are needed)",
		names, c.Group, c.Against, seedCounts(c), compare.MinSeeds)
}
