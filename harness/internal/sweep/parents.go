package sweep

import (
	"slices"

	"flowharness/harness/internal/config"
)

// Parent is what a task on another machine must know of a run whose weights its own runs begin with: the store of a task of a
// cluster does not hold it.
type Parent struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	ConfigHash  string `json:"config_hash"`
	Checkpoints string `json:"checkpoints"` // the folder, which all machines see
}

// ParentIDs are the runs whose weights the runs of the plan begin with, each once.
func (p *Plan) ParentIDs() (ids []string) {
	for _, t := range p.Tasks {
		for _, id := range t.parents() {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// parents are those of a task. What its runs begin with is bound: it names the run by its id.
func (t Task) parents() (ids []string) {
	for _, r := range t.Runs {
		from := r.Config.Config.Train.InitFrom
		if from == "" {
			continue
		}
		if origin, err := config.ParseOrigin(from); err == nil && origin.Run != "" {
			ids = append(ids, origin.Run)
		}
	}
	return ids
}
