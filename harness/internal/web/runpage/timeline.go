package runpage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// timelineView is where the time of a run went.
type timelineView struct {
	Phases []phaseRow
	Total  float64 // seconds in all phases
	Strip  stripView
}

// phaseRow is a phase with its part of the bar, which is barWidth wide.
type phaseRow struct {
	store.Phase
	Series   int // colour
	Share    float64
	X, Width float64
	Text     string // in the bar, where there is room
}

// Class is its colour, as a class of the style sheet.
func (r phaseRow) Class() string {
	if r.Name == phaseOther {
		return phaseOther
	}
	return fmt.Sprintf("s%d", r.Series)
}

// Middle is where its text stands.
func (r phaseRow) Middle() float64 { return r.X + r.Width/2 }

const barWidth = 1000

// phaseOrder is that of the bar: as a run goes through them.
var phaseOrder = []string{"calibration", "compile", "data_wait", "step", "validation", "sampling", "checkpoint", "evaluation", phaseOther}

// phaseOther is what is in no phase: reading data, starting, and what is not timed.
const phaseOther = "other"

func (s *Pages) readTimeline(ctx context.Context, run *store.Run) (v timelineView, err error) {
	phases, err := s.readPhases(ctx, run)
	if err != nil {
		return v, err
	}
	phases = slices.Clone(phases) // they may be remembered
	slices.SortStableFunc(phases, func(a, b store.Phase) int { return phaseRank(a.Name) - phaseRank(b.Name) })
	for _, p := range phases {
		if p.Total > 0 && !math.IsInf(p.Total, 0) {
			v.Total += p.Total
		}
	}
	// Of a run that was continued it is not known how long it stood still.
	if rest := runDuration(run.RunInfo) - time.Duration(v.Total*float64(time.Second)); rest > 0 && len(phases) > 0 &&
		run.StartedAt.Equal(run.CreatedAt) {
		phases = append(phases, store.Phase{Name: phaseOther, Total: rest.Seconds()})
		v.Total += rest.Seconds()
	}
	var x float64
	for i, p := range phases {
		row := phaseRow{Phase: p, Series: i % 7, X: x}
		if p.Total > 0 && v.Total > 0 && !math.IsInf(p.Total, 0) {
			row.Share = p.Total / v.Total
		}
		row.Width = barWidth * row.Share
		if row.Share > 0.09 {
			row.Text = p.Name
		}
		x += row.Width
		v.Phases = append(v.Phases, row)
	}
	v.Strip, err = s.readStrip(ctx, run, v.Phases)
	return v, err
}

func phaseRank(name string) int {
	if i := slices.Index(phaseOrder, name); i >= 0 {
		return i
	}
	return len(phaseOrder)
}

// seconds is a time in seconds for people, with three digits that count.
func seconds(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return shell.Number(v)
	case v < 1e-3:
		return shell.Number(math.Round(v*1e8)/1e2) + " µs"
	case v < 1:
		return shell.Number(math.Round(v*1e5)/1e2) + " ms"
	}
	return shell.Duration(time.Duration(v * float64(time.Second)))
}

// percent is a share of one, for people.
func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return "< 0.1 %"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + " %"
}
