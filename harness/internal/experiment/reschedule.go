package experiment

import (
	"fmt"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/train"
)

// rescheduled says what another budget does to the learning rate of a run that
// goes on after a step; "" if it stays what it would have been.
func rescheduled(slug string, was, now config.Config, step int) string {
	if was.Train.LRSchedule == config.Constant {
		return ""
	}
	return fmt.Sprintf("train.lr_schedule is %s over %d steps now, and was over %d: the learning rate goes on with %.3g where run %s had "+
		"come to %.3g. "+
		"The result is not that of one run of %d steps", now.Train.LRSchedule, now.Steps(), was.Steps(),
		train.LearningRate(now.Train, step+1, now.Steps()), slug, train.LearningRate(was.Train, step, was.Steps()), now.Steps())
}
