package config

import "flowharness/schedulers"

// coupling checks that there is something to couple.
func (v *validator) coupling() {
	c := v.config
	if c.Process.Coupling == "" {
		return
	}
	if c.Train.BatchSize < 2 {
		v.fail("train.batch_size", []string{"process.coupling"}, "coupling %s pairs noise and data within a batch: it takes at least 2, got %d",
			c.Process.Coupling, c.Train.BatchSize)
	}
	if c.Process.Coupling == schedulers.ClassOT && c.Spec().Classes == 0 {
		v.fail("process.coupling", []string{"data.name"}, "class_ot needs classes, which dataset %s does not have; use minibatch_ot", c.Data.Name)
	}
}
