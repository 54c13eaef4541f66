// Package metrics measures generated images against real ones, and how a model
// gets from noise to image. It is a library of numbers in, numbers out: whoever
// uses it brings features and predictions of a classifier (see the package
// classifier below this one), trajectories and losses.
//
// Each metric is a function of its own, of use alone; [Evaluate] computes all
// for which there is input, and [All] describes them.
package metrics

import (
	"math"
	"strings"
)

// Input is what [Evaluate] computes metrics from. A metric whose input is
// missing (nil) is left out.
type Input struct {
	Dataset    string // of the reference; part of some metrics' names
	NumClasses int

	// Reference are the features of the real images to compare with (the test
	// split), Generated those of the samples, by one classifier. Precision,
	// recall, density and coverage take as many of Reference as of Generated where
	// it has more.
	Reference, Generated *Features
	// ReferenceMoments are those of Reference; nil to compute them.
	ReferenceMoments *Moments

	// Predicted are the classes that the classifier read in the samples, and
	// Wanted those that were asked for, 0 … NumClasses-1.
	Predicted, Wanted []uint8

	Points *Points // samples in the plane, which are measured as they are

	Straightness *Straightness // of the samples' trajectories
	Loss         *BinnedLoss   // on the test split

	Seed       uint64 // of the choice of subsets
	Neighbours int    // k of precision, recall, density and coverage; 0 is 5
}

// Value is a metric's value.
type Value struct {
	Name   string
	Value  float64 // NaN where it is not defined; Note says why
	StdErr float64 // standard error of Value; NaN where there is none
	Note   string  // what a reader of the value needs to know; mostly empty
}

// Evaluate computes every metric for which there is input, in the order of
// [All]. What cannot be defined, for want of samples, comes as NaN with a note.
// An error says that the input is wrong: a NaN among the features, lengths that
// do not fit. Equal input gives equal values, to the bit.
func Evaluate(in Input) ([]Value, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var all []Value
	for _, f := range families {
		values, err := f.compute(&in)
		if err != nil {
			return nil, err
		}
		all = append(all, values...)
	}
	return all, nil
}

func (in *Input) check() error {
	switch {
	case in.Reference != nil && in.Generated != nil:
		return checkPair(in.Reference, in.Generated)
	case in.Reference != nil:
		return in.Reference.check("real")
	case in.Generated != nil:
		return in.Generated.check("generated")
	}
	return nil
}

func (in *Input) neighbours() int {
	const standard = 5
	if in.Neighbours == 0 {
		return standard
	}
	return in.Neighbours
}

// named fills in the dataset's name.
func (in *Input) named(template string) string {
	return strings.ReplaceAll(template, "{dataset}", in.Dataset)
}

// value is a value that is not defined yet.
func value(name string) Value { return Value{Name: name, Value: math.NaN(), StdErr: math.NaN()} }
