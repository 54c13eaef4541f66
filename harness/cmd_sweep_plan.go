package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/launch"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/sweep"
	"flowharness/harness/internal/terminal"
)

type sweepPlanOptions struct {
	*app
	sweepFlags
	json bool
}

func newSweepPlanCommand(a *app) *cobra.Command {
	o := &sweepPlanOptions{app: a}
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Print what a sweep would make, and start nothing",
		Long: `Print the runs of a sweep file: which are done, which would be trained and which
share a training, and how long it would take by the times of earlier runs.`,
		Example: "  harness sweep plan configs/sweeps/fm_vs_ddpm.yaml",
		Args:    exactly(1, "one sweep FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := o.options(cmd, a)
			if err != nil {
				return err
			}
			session, err := launch.Open(cmd.Context(), args[0], options)
			if err != nil {
				return sweepError(err)
			}
			defer session.Close()
			costs, err := session.Costs(cmd.Context())
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(planJSON(session, costs))
			}
			o.printPlan(session, costs)
			return nil
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

// plannedRun is a line of a plan.
type plannedRun struct {
	Variant  string      `json:"variant"`
	Seed     uint64      `json:"seed"`
	Name     string      `json:"name"`
	Hash     string      `json:"config_hash"`
	Task     string      `json:"task"`
	Training string      `json:"training"` // "trained" or "shared"
	State    sweep.State `json:"state"`
	Run      string      `json:"run,omitempty"`
	Step     int         `json:"step"`
}

func plannedRuns(s *launch.Session) []plannedRun {
	var list []plannedRun
	for _, t := range s.Plan.Tasks {
		for i, r := range t.Runs {
			training := "trained"
			if i > 0 {
				training = "shared"
			}
			found := s.Inventory.Of(r)
			list = append(list, plannedRun{s.Plan.Variants[r.Variant].Label, r.Config.Config.Seed, r.Config.Config.Name, r.Config.Hash,
				t.Key(), training,
				s.State(t, r), found.Run.Slug, found.Run.LastStep})
		}
	}
	return list
}

func planJSON(s *launch.Session, costs sweep.Costs) map[string]any {
	left := s.Left()
	total, unknown := estimate(s, left, costs)
	return map[string]any{"sweep": s.Plan.File.Name, "variants": len(s.Plan.Variants), "runs": plannedRuns(s), "tasks": len(s.Plan.Tasks),
		"tasks_left": len(left), "seconds_left": total.Seconds(), "tasks_of_unknown_time": unknown}
}

// printPlan prints the runs, of a very long plan the first ones.
func (o *sweepPlanOptions) printPlan(s *launch.Session, costs sweep.Costs) {
	const most = 200
	list := plannedRuns(s)
	t := terminal.NewTable("variant", "seed", "training", "state", "run")
	for _, r := range list[:min(most, len(list))] {
		state := string(r.State)
		if r.State == sweep.StateInterrupted || r.State == sweep.StateFailed || r.State == sweep.StateStopped {
			state = fmt.Sprintf("%s at step %d", r.State, r.Step)
		}
		t.Add(clean(r.Variant), fmt.Sprint(r.Seed), r.Training, state, r.Run)
	}
	t.Print(o.out)
	if left := len(list) - most; left > 0 {
		fmt.Fprintf(o.out, "and %d more (--json lists all)\n", left)
	}
	counts := map[sweep.State]int{}
	for _, r := range list {
		counts[r.State]++
	}
	left := s.Left()
	stopped := ""
	if n := counts[sweep.StateStopped]; n > 0 {
		stopped = fmt.Sprintf(", %d stopped early", n)
	}
	fmt.Fprintf(o.out, "\n%s, %s in %s: %d done, %d diverged, %d interrupted, %d failed, %d running, %d new%s\n",
		printable.Count(len(s.Plan.Variants), "variant"), printable.Count(len(list), "run"), printable.Count(len(s.Plan.Tasks), "training"),
		counts[sweep.StateDone], counts[sweep.StateDiverged], counts[sweep.StateInterrupted],
		counts[sweep.StateFailed], counts[sweep.StateRunning], counts[sweep.StateNew], stopped)
	total, unknown := estimate(s, left, costs)
	tasks := printable.Count(len(left), "task")
	switch {
	case len(left) == 0:
		fmt.Fprintln(o.out, "nothing is left to do")
	case unknown == len(left):
		fmt.Fprintf(o.out, "%s left; how long that takes is not known: no run like it is recorded\n", tasks)
	case unknown > 0:
		fmt.Fprintf(o.out, "%s left: about %s for %d of them, by earlier runs; the others are like no earlier run\n",
			tasks, total.Round(time.Second), len(left)-unknown)
	default:
		fmt.Fprintf(o.out, "%s left: about %s, by earlier runs\n", tasks, total.Round(time.Second))
	}
}

// estimate is the time that the tasks take. On a cluster those that run at once
// have machines of their own; on this one they divide its processors, which
// makes each slower.
func estimate(s *launch.Session, left []sweep.Task, costs sweep.Costs) (total time.Duration, unknown int) {
	for _, t := range left {
		d, known := costs.Task(t, s.Inventory)
		if !known {
			unknown++
		}
		total += d
	}
	if s.Plan.File.Launcher == sweep.LauncherSlurm {
		total /= time.Duration(max(1, s.Plan.File.Jobs))
	}
	return total, unknown
}
