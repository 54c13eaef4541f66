package launch

import (
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
)

// Summary says in sentences what a sweep has come to.
func (s *Session) Summary(outcome sweep.Outcome) []string {
	counts := map[sweep.State]int{}
	shared := 0
	for _, t := range s.Plan.Tasks {
		for i, r := range t.Runs {
			counts[s.State(t, r)]++
			if i > 0 {
				shared++
			}
		}
	}
	lines := []string{fmt.Sprintf("%s, %s: %d done, %d diverged, %d failed, %d not done.",
		printable.Count(len(s.Plan.Variants), "variant"), printable.Count(s.Plan.Runs(), "run"),
		counts[sweep.StateDone], counts[sweep.StateDiverged], counts[sweep.StateFailed],
		counts[sweep.StateNew]+counts[sweep.StateInterrupted]+counts[sweep.StateRunning])}
	if stopped := counts[sweep.StateStopped]; stopped > 0 {
		lines = append(lines, fmt.Sprintf("Stopped early: %s.", printable.Count(stopped, "run")))
	}
	if shared == 1 {
		lines = append(lines, "1 run shares the training of another.")
	} else if shared > 1 {
		lines = append(lines, fmt.Sprintf("%d runs share the training of another.", shared))
	}
	if outcome.Retried > 0 {
		lines = append(lines, fmt.Sprintf("Tasks were started again %s.", printable.Count(outcome.Retried, "time")))
	}
	if s.Plan.File.StopsTrials() {
		lines = append(lines, "Trained to the end: "+strings.Join(s.finished(), ", ")+".")
	}
	for _, p := range outcome.Stopped {
		lines = append(lines, fmt.Sprintf("Stopped at step %d: %s (%s %.4g).", p.Step, s.Plan.Variants[p.Variant].Label,
			s.Plan.File.Search.Objective.Metric, p.Value))
	}
	return lines
}

// finished are the labels of the variants of which a run is done.
func (s *Session) finished() []string {
	labels := []string{}
	for _, t := range s.Plan.Tasks {
		for _, r := range t.Runs {
			if label := s.Plan.Variants[r.Variant].Label; s.State(t, r) == sweep.StateDone && !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
		}
	}
	return labels
}
