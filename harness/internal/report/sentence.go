package report

import (
	"fmt"
	"math"
	"strings"

	"flowharness/harness/internal/compare"
)

// Sentence says in plain words what the comparison of a metric with the first
// group shows.
func Sentence(row compare.Row, c compare.Comparison) string {
	a, b := row.Groups[0], row.Groups[len(row.Groups)-1]
	for i, other := range row.Comparisons {
		if other.Group == c.Group {
			b = row.Groups[i+1]
		}
	}
	means := fmt.Sprintf("%s against %s", b.Mean.Text(), a.Mean.Text())
	var text string
	switch c.Verdict {
	case compare.NoValue:
		return fmt.Sprintf("%s: %s; nothing to compare", row.Name, absent(c))
	case compare.NotComparable:
		return fmt.Sprintf("%s is not ranked: %s", row.Name, c.Why)
	case compare.NoVariance:
		text = fmt.Sprintf("%s: no test can be made, since %s (%s)", row.Name, c.Why, means)
	case compare.TooFewSeeds:
		text = fmt.Sprintf("%s: too few seeds to tell whether %s is better than %s (%s; %s, at least %d each are needed%s)",
			row.Name, c.Group, c.Against, means, seedCounts(c), compare.MinSeeds, neededBeyond(c))
	case compare.NoEvidence:
		text = fmt.Sprintf("%s: no evidence that %s differs from %s (%s, %s%s)", row.Name, c.Group, c.Against, means, tested(c),
			needed(c, "; for the difference seen about %d seeds each would be needed"))
	default:
		text = fmt.Sprintf("%s: %s is %s than %s (%s, difference %s [%s, %s], %s)", row.Name, c.Group, comparative(c.Verdict), c.Against, means,
			signed(c.Difference), signed(c.Low), signed(c.High), tested(c))
	}
	if lost := lostValues(row, c); lost != "" {
		text += "; " + lost
	}
	if c.Images != nil && c.Verdict != compare.Better && c.Verdict != compare.Worse {
		text += ". " + imageSentence(c)
	}
	return text
}

func comparative(v compare.Verdict) string {
	if v == compare.Different {
		return "other"
	}
	return string(v)
}

func absent(c compare.Comparison) string {
	switch {
	case c.Seeds[0] == 0 && c.Seeds[1] == 0:
		return fmt.Sprintf("neither %s nor %s has a value", c.Against, c.Group)
	case c.Seeds[0] == 0:
		return c.Against + " has no value"
	default:
		return c.Group + " has no value"
	}
}

func seedCounts(c compare.Comparison) string {
	if c.Seeds[0] == 1 && c.Seeds[1] == 1 {
		return "one seed each"
	}
	return fmt.Sprintf("%d and %d seeds", c.Seeds[1], c.Seeds[0])
}

func needed(c compare.Comparison, format string) string {
	if c.Needed == 0 {
		return ""
	}
	return fmt.Sprintf(format, c.Needed)
}

// neededBeyond is silent where the fewest that a verdict takes would do.
func neededBeyond(c compare.Comparison) string {
	if c.Needed <= compare.MinSeeds {
		return ""
	}
	return needed(c, ", and about %d for the difference seen")
}

func tested(c compare.Comparison) string {
	text := c.Test + ", " + pEquals(c.PHolm)
	if c.Family > 1 {
		text += fmt.Sprintf(" after Holm over %d", c.Family)
	}
	return text
}

func pEquals(p compare.Value) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return "p = " + PText(p)
}

// PText is a p-value in short.
func PText(p compare.Value) string {
	switch {
	case p.Missing():
		return "-"
	case p < 0.001:
		return "<0.001"
	default:
		return fmt.Sprintf("%.*f", max(2, int(math.Ceil(-math.Log10(float64(p))))+1), float64(p))
	}
}

// lostValues says how many runs of the two groups have no value: leaving out
// those that diverged flatters a variant.
func lostValues(row compare.Row, c compare.Comparison) string {
	var parts []string
	lost := func(s compare.Summary, group string) {
		if n := len(s.Values) - s.N; n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d runs of %s have no value and are left out", n, len(s.Values), group))
		}
	}
	lost(row.Groups[0], c.Against)
	for i, other := range row.Comparisons {
		if other.Group == c.Group {
			lost(row.Groups[i+1], c.Group)
		}
	}
	return strings.Join(parts, ", ")
}

// imageSentence says what the images say, and what they do not.
func imageSentence(c compare.Comparison) string {
	e := c.Images
	what, on := "these two checkpoints", fmt.Sprintf("the same %d noises", e.Images)
	if e.Pairs > 1 {
		what, on = fmt.Sprintf("these %d pairs of checkpoints", e.Pairs), fmt.Sprintf("the same noise, %d images", e.Images)
	}
	numbers := fmt.Sprintf("%s [%s, %s], %s, %s", signed(e.Difference), signed(e.Low), signed(e.High), e.Test, pEquals(e.PHolm))
	if e.Verdict == compare.NoEvidence {
		return fmt.Sprintf("Of %s alone: on %s they do not differ by more than chance (%s)", what, on, numbers)
	}
	return fmt.Sprintf("Of %s alone: on %s %s is %s (%s); that says nothing about other seeds", what, on, c.Group, e.Verdict, numbers)
}
