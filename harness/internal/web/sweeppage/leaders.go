package sweeppage

import (
	"context"
	"fmt"
	"slices"

	"flowharness/harness/internal/compare"
)

// findLeaders finds the best variant by a metric, or those that may be it, and says in words how sure that is.
func (s *Pages) findLeaders(ctx context.Context, d *sweepData, metric string) (words string, err error) {
	first := d.leading(metric)
	if first < 0 {
		return "", nil
	}
	row := d.rows[metric]
	leader, _ := d.summary(d.variants[first], metric)
	if !row.BetterThanNoise(leader.Mean) {
		return fmt.Sprintf("No variant is better than noise by %s.", metric), nil
	}
	rivals, err := s.rivals(ctx, d, first, metric)
	if err != nil {
		return "", err
	}
	others := 0
	for i := range d.variants {
		if _, ok := d.summary(d.variants[i], metric); ok && i != first {
			others++
		}
	}
	switch n := len(rivals); {
	case others == 0:
		return fmt.Sprintf("%s alone has a value of %s so far.", d.variants[first].Label, metric), nil
	case n == 0:
		d.best = first
		return fmt.Sprintf("By %s, %s is better than every other variant.", metric, d.variants[first].Label), nil
	default:
		d.tied = append([]int{first}, rivals...)
		what := "of one other it is not shown that it is"
		if n > 1 {
			what = fmt.Sprintf("of %d others it is not shown that they are", n)
		}
		return fmt.Sprintf("By %s, %s has the best mean, but %s worse.", metric, d.variants[first].Label, what), nil
	}
}

// rivals are the variants of which it is not shown that they are worse than the first.
func (s *Pages) rivals(ctx context.Context, d *sweepData, first int, metric string) ([]int, error) {
	if len(d.result.Groups) < 2 {
		return nil, nil
	}
	o := compare.Options{Metrics: []string{metric}, Labels: map[string]string{}}
	var ids []string
	order := slices.Concat([]int{d.variants[first].Group}, without(len(d.result.Groups), d.variants[first].Group))
	for _, g := range order {
		for _, i := range d.result.Groups[g].Runs {
			ids = append(ids, d.result.Runs[i].ID)
			o.Labels[d.result.Runs[i].ID] = d.result.Groups[g].Label
		}
	}
	judged, err := s.results.Judge(ctx, ids, o)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, g := range judged.Rivals(metric) {
		id := judged.Runs[judged.Groups[g].Runs[0]].ID
		if i := slices.IndexFunc(d.variants, func(v variant) bool {
			return v.Group >= 0 && slices.ContainsFunc(d.result.Groups[v.Group].Runs, func(k int) bool { return d.result.Runs[k].ID == id })
		}); i >= 0 {
			list = append(list, i)
		}
	}
	return list, nil
}

// without are the numbers below n but one.
func without(n, one int) []int {
	var list []int
	for i := range n {
		if i != one {
			list = append(list, i)
		}
	}
	return list
}

// scale says what a metric is of real images and of noise; "" where nobody measured it.
func scale(row compare.Row) string {
	switch real, noise := row.Real, row.Noise; {
	case !real.Missing() && !noise.Missing():
		return fmt.Sprintf("Real images have %s, noise has %s.", real.Text(), noise.Text())
	case !real.Missing():
		return fmt.Sprintf("Real images have %s.", real.Text())
	case !noise.Missing():
		return fmt.Sprintf("Noise has %s.", noise.Text())
	}
	return ""
}
