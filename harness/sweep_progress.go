package main

import (
	"fmt"
	"strings"
	"time"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/terminal"
)

// sweepProgress tells a person how far a sweep is: a table that is drawn anew on
// a terminal, a line for each task that ends and every so often elsewhere.
type sweepProgress struct {
	out      terminal.Output
	screen   *terminal.Screen
	pace     terminal.Pace
	started  time.Time
	last     sweep.Standing
	lastLine time.Time
}

// Times between drawings of the table, and between lines where there is none.
const (
	sweepTableEvery = 500 * time.Millisecond
	sweepLineEvery  = 30 * time.Second
)

func newSweepProgress(out terminal.Output) *sweepProgress {
	return &sweepProgress{out: out, screen: terminal.NewScreen(out), started: time.Now()}
}

// begin says what is about to be made.
func (p *sweepProgress) begin(s *launch.Session) {
	left := s.Left()
	fmt.Fprintf(p.out, "sweep %s: %s of %s in %s, %s to do\n", clean(s.Plan.File.Name), printable.Count(s.Plan.Runs(), "run"),
		printable.Count(len(s.Plan.Variants), "variant"), printable.Count(len(s.Plan.Tasks), "task"), printable.Count(len(left), "task"))
}

// observe is called while the sweep runs.
func (p *sweepProgress) observe(now sweep.Standing) {
	ended := now.Ended != p.last.Ended || now.Failed != p.last.Failed || now.Stage != p.last.Stage
	p.last = now
	switch {
	case p.out.Terminal() && (ended || time.Since(p.lastLine) >= sweepTableEvery):
		p.lastLine = time.Now()
		p.drawTable(now)
	case !p.out.Terminal() && (ended || time.Since(p.lastLine) >= sweepLineEvery):
		p.lastLine = time.Now()
		fmt.Fprintln(p.out, p.headline(now))
	}
}

// interject prints above the table.
func (p *sweepProgress) interject(print func()) {
	p.screen.Erase()
	print()
}

// close leaves the last state on the terminal.
func (p *sweepProgress) close() { p.screen.Leave() }

func (p *sweepProgress) headline(now sweep.Standing) string {
	parts := []string{fmt.Sprintf("%d of %s ended", now.Ended, printable.Count(now.Tasks, "task"))}
	if now.Stage != "" {
		parts = append([]string{now.Stage}, parts...)
	}
	if now.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", now.Failed))
	}
	if now.Retried > 0 {
		parts = append(parts, fmt.Sprintf("%d started again", now.Retried))
	}
	switch n := len(now.Running); {
	case n > 0 && p.out.Terminal():
		parts = append(parts, fmt.Sprintf("%d running", n))
	case n > 0:
		s := now.Running[0]
		parts = append(parts, fmt.Sprintf("%d running (%s %s)", n, clean(s.Variant), taskProgress(s)))
	}
	return strings.Join(append(parts, time.Since(p.started).Round(time.Second).String()), ", ")
}

func (p *sweepProgress) drawTable(now sweep.Standing) {
	lines := []string{p.headline(now), p.level(now).Line()}
	if len(now.Running) > 0 {
		lines = append(lines, runningTable(now.Running).Lines()...)
	}
	p.screen.Draw(lines)
}

// level counts of a task that runs the part that is done.
func (p *sweepProgress) level(now sweep.Standing) terminal.Level {
	done := float64(now.Ended)
	for _, s := range now.Running {
		if s.Steps > 0 {
			done += float64(s.Step) / float64(s.Steps)
		}
	}
	return p.pace.At(time.Now(), done, float64(now.Tasks), terminal.Things("tasks"))
}

// runningTable lists the tasks that run, the first ones if there are many.
func runningTable(running []sweep.TaskReport) *terminal.Table {
	const most = 20
	t := terminal.NewTableOfNames("variant", "run", "progress", "loss")
	for _, s := range running[:min(most, len(running))] {
		loss := ""
		if s.Loss != 0 {
			loss = fmt.Sprintf("%.4f", s.Loss)
		}
		t.Add(clean(s.Variant), s.Run, taskProgress(s), loss)
	}
	return t
}

// taskProgress is how far a task is, in words.
func taskProgress(s sweep.TaskReport) string {
	steps := ""
	if s.Steps > 0 {
		steps = fmt.Sprintf("step %d/%d", s.Step, s.Steps)
	}
	return strings.TrimSpace(steps + " " + clean(s.Doing))
}
