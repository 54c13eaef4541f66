package sweeppage

import (
	"net/url"
	"strings"
)

// sweepQuery is how a sweep is shown.
type sweepQuery struct {
	X, Y   string // paths of the heat map's axes; Y "" for one axis
	Metric string // of the colours
	Sort   string // what the table is sorted by: a metric, or "variant"
	Fixed  map[string]string

	noY bool // it is asked for one axis
}

// noAxis is the choice of no second axis.
const noAxis = "-"

func parseSweepQuery(v url.Values) sweepQuery {
	q := sweepQuery{X: v.Get("x"), Y: v.Get("y"), Metric: v.Get("metric"), Sort: v.Get("sort"), Fixed: map[string]string{}}
	if q.Y == noAxis {
		q.Y, q.noY = "", true
	}
	for key, values := range v {
		if path, ok := strings.CutPrefix(key, "fix."); ok && values[0] != "" {
			q.Fixed[path] = values[0]
		}
	}
	return q
}

// sorted is the address of the same view, sorted by something else.
func (q sweepQuery) sorted(by string) string {
	v := url.Values{"sort": {by}}
	for key, value := range map[string]string{"x": q.X, "y": q.Y, "metric": q.Metric} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if q.Y == "" {
		v.Set("y", noAxis)
	}
	for path, value := range q.Fixed {
		v.Set("fix."+path, value)
	}
	return "?" + v.Encode()
}
