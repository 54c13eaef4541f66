// Package record says what a run is made of, to all that write, read or show it: the names of its series and phases, and how a grid
// of samples was drawn. It knows nothing of the harness.
package record

import (
	"slices"
	"strings"
)

// Names of the series that training records. A value at step n belongs to update n.
const (
	TrainLoss    = "train/loss"         // mean squared error of the batch, before the update
	LearningRate = "train/lr"           // learning rate of the update
	GradNorm     = "train/grad_norm"    // global L2 norm of the gradient, before clipping
	Last100      = "train/loss_last100" // at the end of an epoch, the mean of its last 100 losses
	ValLoss      = "val/loss"           // on images of the test split, with the averaged weights if there are some
	ValLossBin   = "val/loss_bin_"      // begins the names of the validation losses by tenths of the timesteps
)

// phasePrefix begins the names of the series of phases.
const phasePrefix = "time/"

// Phases of a run, which are timed. Those of one step add up.
const (
	PhaseStep        = "step"
	PhaseCompile     = "compile"
	PhaseDataWait    = "data_wait"
	PhaseSampling    = "sampling"
	PhaseValidation  = "validation"
	PhaseCheckpoint  = "checkpoint"
	PhaseEvaluation  = "evaluation"  // measuring what training has ended with
	PhaseCalibration = "calibration" // a fixed amount of work, timed beside the training
)

// AllPhases is a pattern that the names of the series of all phases match.
const AllPhases = phasePrefix + "*"

// EverySeries lists the series that training records, but for those by tenths of the timesteps; sorted.
func EverySeries() []string {
	names := []string{TrainLoss, LearningRate, GradNorm, Last100, ValLoss}
	for _, phase := range []string{PhaseStep, PhaseCompile, PhaseDataWait, PhaseSampling, PhaseValidation, PhaseCheckpoint,
		PhaseEvaluation, PhaseCalibration} {
		names = append(names, PhaseSeries(phase))
	}
	slices.Sort(names)
	return names
}

// PhaseSeries is the name of the series that holds the seconds of a phase.
func PhaseSeries(phase string) string { return phasePrefix + phase }

// Phase is the phase whose seconds a series holds, if it holds those of one.
func Phase(series string) (phase string, ok bool) { return strings.CutPrefix(series, phasePrefix) }
