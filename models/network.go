// Package models says what a network is to those that train it, sample from it and
// keep its weights, and holds the list of networks by name. The networks themselves
// are packages below it, such as models/unet, made of the layers in models/nn.
package models

import (
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/models/nn"
)

// Network is a network as a pure function of its parameters. It holds no weights, and
// may be used by several goroutines.
type Network interface {
	// Layout is the order of the network's parameters in a flat vector, and their names.
	Layout() nn.Layout
	// Init returns the flat vector of initial parameters. rng gives the random numbers of
	// one parameter, by name, so that networks which share parameter names share their values.
	Init(rng func(name string) *rand.Rand) []float32
	// Forward predicts, for noisy samples [B,H,W,channels], timesteps [B] (on the scale of
	// training, 0…1000, not 0…1) and class labels [B] (int32; 0 is "no class", class c is
	// c+1), the process's target, shaped like the samples. All floats are float32, also with
	// a lower precision inside.
	Forward(p nn.Params, sample, timestep, labels *Node) *Node
	// Precision is what it computes in.
	Precision() Precision
}

// WithDropout is a network that can leave out values at random in training.
type WithDropout interface {
	Network
	// Drops says whether it does: with a rate above zero.
	Drops() bool
	// ForwardTraining is Forward in training. What is left out of a sample follows from its
	// key; keys [B,2] are uint32, see [nn.NewDropout].
	ForwardTraining(p nn.Params, sample, timestep, labels, keys *Node) *Node
}

// Dropping is the network as one with dropout, if it leaves out anything in training.
func Dropping(n Network) (dropping WithDropout, ok bool) {
	dropping, ok = n.(WithDropout)
	return dropping, ok && dropping.Drops()
}

// Base is what networks have in common and may embed: the methods of [Network] but Forward.
type Base struct {
	Parameters nn.Layout
	In         Precision // "" is Float32
}

// Layout is the order of the network's parameters in a flat vector.
func (b Base) Layout() nn.Layout { return b.Parameters }

// Init initializes each parameter as it says itself.
func (b Base) Init(rng func(name string) *rand.Rand) []float32 { return b.Parameters.Init(rng) }

// Precision is what the network computes in.
func (b Base) Precision() Precision {
	if b.In == "" {
		return Float32
	}
	return b.In
}

// Data is what a network has to know of the data it is for.
type Data struct {
	Name                    string // for messages
	Height, Width, Channels int
	Classes                 int // without "no class"
	// Points says that samples are points in the plane, 1×1 with a channel for each coordinate, and no images.
	Points bool
}

// Pixels is the number of values of a sample.
func (d Data) Pixels() int { return d.Height * d.Width * d.Channels }
