package runpage

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/web/shell"
)

// runQuery is what the address of a run's page says about how to show it.
type runQuery struct {
	Series  []string  // to draw; none: those that matter
	Smooth  float64   // weight of the moving average: 0 to 0.99
	Linear  bool      // the y axis
	X       string    // one of runAxes
	Zoom    stepRange // zero: the whole run
	Grid    string    // key of the setting whose grids are shown over time; "": the first
	Differs bool      // of the config only what differs
}

// stepRange is a stretch of steps, both included.
type stepRange struct{ From, To int }

func (z stepRange) String() string { return fmt.Sprintf("%d-%d", z.From, z.To) }

// Values of the parameter x.
const (
	axisStep  = "step"
	axisTime  = "time"
	axisEpoch = "epoch"
)

var runAxes = []string{axisStep, axisTime, axisEpoch}

const (
	defaultSmooth = 0.8
	maxSmooth     = 0.99
	// maxPlots bounds how many series an address may name.
	maxPlots = 40
)

// parseRunQuery reads the parameters of a page's address. Ones that it does not
// know are left to others.
func parseRunQuery(values url.Values) (q runQuery, err error) {
	q = runQuery{Smooth: defaultSmooth, X: axisStep, Grid: values.Get("grid")}
	for _, name := range values["series"] {
		if name != "" && !slices.Contains(q.Series, name) {
			q.Series = append(q.Series, name)
		}
	}
	if len(q.Series) > maxPlots {
		return q, shell.BadRequest("%d series are too many at once: choose at most %d", len(q.Series), maxPlots)
	}
	if text := values.Get("smooth"); text != "" {
		if q.Smooth, err = strconv.ParseFloat(text, 64); err != nil || !(q.Smooth >= 0 && q.Smooth <= maxSmooth) {
			return q, shell.BadRequest("smooth=%s: write a number from 0 to %g", text, maxSmooth)
		}
	}
	switch y := values.Get("y"); y {
	case "", "log":
	case "linear":
		q.Linear = true
	default:
		return q, shell.BadRequest("y=%s: write log or linear", y)
	}
	if x := values.Get("x"); x != "" {
		if !slices.Contains(runAxes, x) {
			return q, shell.BadRequest("x=%s: write one of %s", x, strings.Join(runAxes, ", "))
		}
		q.X = x
	}
	if text := values.Get("zoom"); text != "" {
		if q.Zoom, err = parseStepRange(text); err != nil {
			return q, err
		}
	}
	switch config := values.Get("config"); config {
	case "":
	case "differs":
		q.Differs = true
	default:
		return q, shell.BadRequest("config=%s: write differs, or leave it out", config)
	}
	return q, nil
}

func parseStepRange(text string) (z stepRange, err error) {
	from, to, ok := strings.Cut(text, "-")
	if ok {
		z.From, err = strconv.Atoi(from)
	}
	if ok && err == nil {
		z.To, err = strconv.Atoi(to)
	}
	if !ok || err != nil || z.From < 0 || z.To <= z.From {
		return stepRange{}, shell.BadRequest("zoom=%s: write two steps, the smaller one first, as in 100-200", text)
	}
	return z, nil
}

// values are the parameters, those with their default left out.
func (q runQuery) values() url.Values {
	v := url.Values{}
	for _, name := range q.Series {
		v.Add("series", name)
	}
	set := func(key, value string, differs bool) {
		if differs {
			v.Set(key, value)
		}
	}
	set("smooth", strconv.FormatFloat(q.Smooth, 'g', -1, 64), q.Smooth != defaultSmooth)
	set("y", "linear", q.Linear)
	set("x", q.X, q.X != axisStep)
	set("zoom", q.Zoom.String(), q.Zoom != stepRange{})
	set("grid", q.Grid, q.Grid != "")
	set("config", "differs", q.Differs)
	return v
}

// address is that of a run's page in this state.
func (q runQuery) address(slug string) string {
	a := runAddress(slug)
	if query := q.values().Encode(); query != "" {
		a += "?" + query
	}
	return a
}

func runAddress(slug string) string { return "/runs/" + url.PathEscape(slug) }

// fields are the parameters as hidden fields of a form that sets those named.
func (q runQuery) fields(except ...string) []shell.Field {
	var list []shell.Field
	v := q.values()
	for _, name := range []string{"series", "smooth", "y", "x", "zoom", "grid", "config"} {
		if slices.Contains(except, name) {
			continue
		}
		for _, value := range v[name] {
			list = append(list, shell.Field{Name: name, Value: value})
		}
	}
	return list
}
