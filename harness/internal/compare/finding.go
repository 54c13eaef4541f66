package compare

import (
	"fmt"
	"strings"
)

// Finding is a verdict in words.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
}

// Findings are the verdicts on losses and samples in words. What is the same for
// several metrics of a group is said once; where there are very many, only those
// with a verdict are told.
func (r *Result) Findings() []Finding {
	const most = 40
	found := r.findings()
	if len(found) <= most {
		return found
	}
	var certain []Finding
	for _, f := range found {
		switch f.Verdict {
		case Better, Worse, Different:
			certain = append(certain, f)
		}
	}
	return append(certain, Finding{NoEvidence, fmt.Sprintf("Of %d other comparisons none has a verdict: --json lists them.", len(found)-len(certain))})
}

func (r *Result) findings() []Finding {
	type same struct{ group, why string }
	var found []Finding
	at := map[same]int{}
	metrics := map[same][]string{}
	for _, row := range r.Metrics {
		for _, c := range row.Comparisons {
			key := same{c.Group, c.why}
			merged := c.Verdict == NotComparable || c.Verdict == NoValue || c.Verdict == TooFewSeeds && c.Images == nil && c.Needed == 0 && lostValues(row, c) == ""
			switch c.Verdict {
			case NoValue:
				key.why = "no value" + absent(c)
			case TooFewSeeds:
				key.why = "seeds" + seedCounts(c)
			}
			if !merged {
				found = append(found, Finding{c.Verdict, c.Sentence})
				continue
			}
			metrics[key] = append(metrics[key], row.Name)
			if i, ok := at[key]; ok {
				found[i].Text = c.together(metrics[key])
				continue
			}
			at[key] = len(found)
			found = append(found, Finding{c.Verdict, c.Sentence})
		}
	}
	return found
}

// together says of several metrics what the sentence says of one.
func (c Comparison) together(metrics []string) string {
	last := len(metrics) - 1
	names := strings.Join(metrics[:last], ", ") + " and " + metrics[last]
	switch c.Verdict {
	case NoValue:
		return fmt.Sprintf("%s: %s; nothing to compare", names, absent(c))
	case NotComparable:
		return fmt.Sprintf("%s of %s are not ranked: %s", names, c.Group, c.why)
	}
	return fmt.Sprintf("%s: too few seeds to tell whether %s is better than %s (%s, at least %d each are needed)", names, c.Group, c.Against, seedCounts(c), MinSeeds)
}
