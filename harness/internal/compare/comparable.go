package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowharness/harness/internal/printable"
)

// limits say why kinds of values must not be ranked; "" where they may.
type limits struct {
	loss       string // any loss
	trainLoss  string // the training loss alone
	classifier string // what a classifier measured
	timing     string
}

// lossKeys are the config keys that change what a loss means. A coupling of
// noise and data, whatever its key below process is called, is among them.
var lossKeys = struct{ all, trainOnly []string }{
	all: []string{"process.", "data.name", "data.flip", "data.source"},
	trainOnly: []string{"process.timestep_density", "process.logit_", "process.shift", "process.loss", "process.huber_c", "process.snr_gamma",
		"train.label_drop", "data.limit"},
}

// timingKeys are the parts of the environment that change how long things take.
var timingKeys = []string{"backend.name", "backend.p", "backend.devices", "backend.xla_flags", "backend.allocator",
	"machine.cpu", "machine.hostname", "machine.gpus", "machine.gomaxprocs", "machine.arch", "machine.memory_bytes",
	"machine.go_version", "machine.versions."}

// comparability says what must not be ranked between groups.
func (r *Result) comparability(groups ...Group) limits {
	var l limits
	config, environment := configDifferences(r.records, groups), environmentDifferences(r.records, groups)
	if paths := differsIn(config, lossKeys.all, lossKeys.trainOnly); len(paths) > 0 {
		switch {
		case slices.Contains(paths, "process.name"), slices.Contains(paths, "process.prediction_type"):
			l.loss = "the runs predict different targets"
		case slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, "coupling") }):
			l.loss = "the runs couple noise and data differently"
		case slices.Contains(paths, "data.source"):
			l.loss = "the runs' paths begin with different distributions"
		case slices.Contains(paths, "data.name"), slices.Contains(paths, "data.flip"):
			l.loss = "the runs train on different images"
		default:
			l.loss = "the runs learn different processes (" + few(paths) + ")"
		}
	}
	switch paths := differsIn(config, lossKeys.trainOnly, nil); {
	case l.loss != "" || len(paths) == 0:
	case slices.ContainsFunc(paths, func(p string) bool {
		return strings.HasPrefix(p, "process.loss") || p == "process.huber_c" || p == "process.snr_gamma"
	}):
		l.trainLoss = "the runs are trained with different losses (" + few(paths) + ")"
	case slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, "process.") }):
		l.trainLoss = "the runs draw training timesteps from different densities"
	default:
		l.trainLoss = "the runs train on different images or labels (" + few(paths) + ")"
	}
	l.classifier = r.differentMeasures(groups)
	if paths := differsIn(environment, timingKeys, nil); len(paths) > 0 {
		l.timing = "the runs were made on different machines or backends (" + few(paths) + ")"
	}
	return l
}

// differentMeasures says why values that a classifier measured are not those of
// one measure.
func (r *Result) differentMeasures(groups []Group) string {
	var datasets, classifiers []string
	for _, g := range groups {
		for _, i := range g.Runs {
			for _, e := range r.records[i].Evaluations {
				datasets, classifiers = addNew(datasets, e.Dataset), addNew(classifiers, e.Classifier)
			}
		}
	}
	switch {
	case len(datasets) > 1:
		return "the samples were measured against different datasets (" + strings.Join(datasets, ", ") + ")"
	case len(classifiers) > 1:
		short := make([]string, len(classifiers))
		for i, c := range classifiers {
			short[i] = fmt.Sprintf("%.12s", c)
		}
		return "the samples were measured by different classifiers (" + strings.Join(short, ", ") + ")"
	}
	return ""
}

// lossClass is what the losses of a group mean: those of equal classes may be
// drawn in one chart.
func (r *Result) lossClass(g Group) string {
	config := r.records[g.Runs[0]].Config
	var parts []string
	for _, path := range slices.Sorted(maps.Keys(config)) {
		for _, key := range slices.Concat(lossKeys.all, lossKeys.trainOnly) {
			if strings.HasPrefix(path, key) {
				parts = append(parts, path+"="+config[path])
				break
			}
		}
	}
	return strings.Join(parts, "\n")
}

// Panels are the groups by what their losses mean: those that mean different
// things have charts of their own, so that nobody reads one against another.
func (r *Result) Panels() [][]int {
	var panels [][]int
	index := map[string]int{}
	for g, group := range r.Groups {
		class := r.lossClass(group)
		at, ok := index[class]
		if !ok {
			at = len(panels)
			index[class] = at
			panels = append(panels, nil)
		}
		panels[at] = append(panels[at], g)
	}
	return panels
}

// limit is why values of a metric must not be ranked.
func (l limits) limit(m Metric) string {
	switch {
	case m.Kind == Loss && l.loss != "":
		return l.loss
	case m.Name == TrainLoss:
		return l.trainLoss
	case m.Classifier:
		return l.classifier
	case m.timed():
		return l.timing
	}
	return ""
}

func addNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// few joins names, not too many of them.
func few(names []string) string { return printable.Few(names, 3) }
