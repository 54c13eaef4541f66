package regression

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/report"
)

// judge makes the checks of one variant.
type judge struct {
	pair
	Options
	families   int          // comparisons of quality that are made in all
	references compare.Data // whose references the comparisons show
	checks     []Check
}

func (j *judge) add(name string, o Outcome, format string, args ...any) {
	j.checks = append(j.checks, Check{j.base.Label, name, o, fmt.Sprintf(format, args...)})
}

func (j *judge) all() error {
	if j.now == nil {
		j.add("runs", Failed, "no run is of this variant of the baseline")
		return nil
	}
	if !j.config() {
		return nil // of another config everything else may differ
	}
	j.losses()
	if err := j.quality(); err != nil {
		return err
	}
	j.speed()
	return nil
}

// config checks that the variant is still what it was.
func (j *judge) config() bool {
	then, now := j.base.Runs[0], j.now.Runs[0]
	paths := compare.ConfigKeysThatDiffer(then, now)
	if len(paths) == 0 {
		j.add("config", OK, "the same")
		return true
	}
	var changes []string
	for _, p := range paths {
		changes = append(changes, fmt.Sprintf("%s: %s, was %s", p, orNone(now.Config[p]), orNone(then.Config[p])))
	}
	j.add("config", Failed, "it is not that of the baseline (%s): save the baseline again if that is meant", few(changes))
	return false
}

// losses checks the runs one by one, each against the one of its seed.
func (j *judge) losses() {
	for _, then := range j.base.Runs {
		name := fmt.Sprintf("losses, seed %d", then.Seed)
		now := latest(j.now.Runs, then.Seed)
		switch {
		case now == nil:
			j.add(name, Failed, "no run has this seed")
		case now.Status != record.StatusFinished:
			j.add(name, Failed, "run %s is %s after %d of %d steps", now.Slug, now.Status, now.Steps, now.TotalSteps)
		case then.Status != record.StatusFinished:
			j.add(name, Skipped, "the baseline's run did not finish: it is %s", then.Status)
		default:
			j.compareLosses(name, then, *now)
		}
	}
}

// compareLosses demands equality to the bit where the runs were made on the same,
// and else that the losses are near each other.
func (j *judge) compareLosses(name string, then, now compare.Record) {
	differing := differingLosses(then, now)
	others := otherMachine(then, now)
	apart := relative(then.LateLoss, now.LateLoss)
	switch {
	case len(differing) == 0:
		j.add(name, OK, "the same to the last bit")
	case len(others) == 0:
		j.add(name, Failed, "they are not the same to the last bit, on the same backend and processor: %s", few(differing))
	case apart <= j.LossTolerance:
		j.add(name, OK, "%.2g apart (mean of the last losses), allowed are %g: made with another %s", apart, j.LossTolerance,
			strings.Join(others, ", "))
	default:
		j.add(name, Failed, "the mean of the last losses is %s, was %s: %.2g apart, allowed are %g (made with another %s)",
			now.LateLoss.Text(), then.LateLoss.Text(), apart, j.LossTolerance, strings.Join(others, ", "))
	}
}

// differingLosses lists the losses that are not equal. The last of the training
// depends on all before it, so that a run that departs anywhere shows in it.
func differingLosses(then, now compare.Record) []string {
	var list []string
	differ := func(name string, a, b compare.Value) {
		if a != b && !(a.Missing() && b.Missing()) {
			list = append(list, fmt.Sprintf("%s is %v, was %v", name, float64(b), float64(a)))
		}
	}
	differ("the last loss", then.LastLoss, now.LastLoss)
	differ("the mean of the last losses", then.LateLoss, now.LateLoss)
	differ("the least loss", then.BestLoss, now.BestLoss)
	for _, name := range slices.Sorted(maps.Keys(then.Scalars)) {
		if strings.HasPrefix(name, compare.ValLoss) {
			value, ok := now.Scalars[name]
			if !ok {
				value = compare.Value(math.NaN())
			}
			differ(name, then.Scalars[name], value)
		}
	}
	return list
}

// sameToTheBit lists what must be equal for a run to be repeated to the last bit.
var sameToTheBit = []struct{ path, name string }{
	{"backend.name", "backend"}, {"backend.plugin_version", "plugin version"}, {"machine.cpu_features",
		"set of CPU features"}, {"machine.cpus", "number of CPUs"},
}

// otherMachine names what of that is not the same. What neither run recorded is
// equal.
func otherMachine(then, now compare.Record) []string {
	var list []string
	for _, e := range sameToTheBit {
		if then.Environment[e.path] != now.Environment[e.path] {
			list = append(list, e.name)
		}
	}
	return list
}

// quality fails where a comparison says that samples or validation losses are
// worse. Each setting at which samples were measured is a comparison of its own,
// in which Holm's correction is over its metrics; over all comparisons the
// correction is Bonferroni's.
func (j *judge) quality() error {
	settings := j.settings()
	if len(settings) == 0 {
		return j.qualityAt(nil, true)
	}
	for i, s := range settings {
		if err := j.qualityAt(&s, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// qualityAt judges the samples of a setting, and with losses set the validation
// losses, which are of no setting.
func (j *judge) qualityAt(at *compare.Setting, losses bool) error {
	data := compare.Data{References: j.references.References}
	for _, records := range [][]compare.Record{j.base.Runs, j.now.Runs} {
		for _, r := range records {
			if at != nil {
				r = r.At(*at)
			}
			data.Records = append(data.Records, r)
		}
	}
	r, err := compare.Compare(data, compare.Options{BaselineRuns: len(j.base.Runs), BaselineLabel: "the baseline"})
	if err != nil {
		return err
	}
	if len(r.Groups) != 2 {
		return fmt.Errorf("its runs form %d groups", len(r.Groups)-1)
	}
	for _, row := range r.Metrics {
		sampled := r.Sampled(row.Name)
		name := "quality, " + row.Name
		switch {
		case row.Name == compare.TrainLoss, !sampled && !losses:
			continue
		case sampled && at != nil:
			name += ", " + at.String()
		}
		j.verdict(name, row)
	}
	return nil
}

func (j *judge) verdict(name string, row compare.Row) {
	c := row.Comparisons[0]
	then, now := row.Groups[0], row.Groups[1]
	if then.N > 0 && now.N < then.N {
		j.add(name, Failed, "%d of %d runs have a value: the baseline has it of %d", now.N, len(now.Values), then.N)
		return
	}
	verdict, p := c.Verdict, c.PHolm
	if verdict == compare.TooFewSeeds && c.Images != nil {
		verdict, p = c.Images.Verdict, c.Images.PHolm
	}
	corrected := min(1, float64(p)*float64(j.families))
	switch {
	case slices.Equal(then.Values, now.Values):
		j.add(name, OK, "the same to the last bit: %s", now.Mean.Text())
	case verdict == compare.Worse && corrected <= level:
		j.add(name, Failed, "%s, was %s: significantly worse (p = %.2g over all comparisons). %s", now.Mean.Text(),
			then.Mean.Text(), corrected, report.Sentence(row, c))
	case verdict == compare.NoVariance && c.Difference != 0 && (c.Difference > 0) == (row.Better == compare.Lower):
		j.add(name, Failed, "%s, was %s: worse by the same amount in each of %d runs", now.Mean.Text(), then.Mean.Text(), now.N)
	case verdict == compare.Worse, verdict == compare.Better, verdict == compare.NoEvidence, verdict == compare.Different:
		j.add(name, OK, "%s, was %s: not significantly worse (p = %.2g over all comparisons)", now.Mean.Text(), then.Mean.Text(), corrected)
	default:
		j.add(name, Skipped, "%s, was %s. %s", now.Mean.Text(), then.Mean.Text(), report.Sentence(row, c))
	}
}

// speed checks the mean over the runs of the step's time in units of the
// calibration's.
func (j *judge) speed() {
	then, now := meanRatio(j.base.Runs), meanRatio(j.now.Runs)
	factor := float64(now / then)
	backend := j.base.Runs[0].Environment["backend.name"]
	switch {
	case then.Missing():
		j.add("speed", Skipped, "the baseline's runs have no %s: they were not calibrated", compare.StepRatio)
	case now.Missing():
		j.add("speed", Failed, "a run has no %s, which the baseline has", compare.StepRatio)
	case j.now.Runs[0].Environment["backend.name"] != backend:
		j.add("speed", Skipped, "made on another backend than %s", compare.Plain(backend))
	case factor > j.SpeedAllowance:
		j.add("speed", Failed, "a step takes %.3g calibrations, was %.3g: %.2f times as many, allowed are %g", float64(now),
			float64(then), factor, j.SpeedAllowance)
	default:
		j.add("speed", OK, "a step takes %.3g calibrations, was %.3g: %.2f times as many, allowed are %g", float64(now),
			float64(then), factor, j.SpeedAllowance)
	}
}

// meanRatio is missing where a run has none.
func meanRatio(records []compare.Record) compare.Value {
	var sum compare.Value
	for _, r := range records {
		v, ok := r.Scalars[compare.StepRatio]
		if !ok {
			return compare.Value(math.NaN())
		}
		sum += v
	}
	return sum / compare.Value(len(records))
}

// latest is the last run of a seed; nil if there is none.
func latest(records []compare.Record, seed uint64) *compare.Record {
	var found *compare.Record
	for i, r := range records {
		if r.Seed == seed && (found == nil || r.ID > found.ID) {
			found = &records[i]
		}
	}
	return found
}

// relative is infinite where a value is missing.
func relative(a, b compare.Value) float64 {
	difference := math.Abs(float64(a - b))
	if math.IsNaN(difference) {
		return math.Inf(1)
	}
	if difference == 0 {
		return 0
	}
	return difference / max(math.Abs(float64(a)), math.Abs(float64(b)))
}

func orNone(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}
