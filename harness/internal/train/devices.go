package train

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/printable"
)

// Devices is the number of devices that a config is trained on, of a backend that
// has so many: the first ones. It is an error if there are fewer, or if they
// cannot share a batch evenly.
func Devices(cfg config.Config, there int) (int, error) {
	n := int(cfg.Backend.Devices)
	switch {
	case cfg.Backend.Devices == config.AllDevices:
		n = there
	case n < 1:
		return 0, fmt.Errorf("backend.devices must be at least 1, is %d", n)
	case n > there:
		return 0, fmt.Errorf("backend.devices is %d, but this backend has %s", n, printable.Count(there, "device"))
	}
	if size := cfg.Train.BatchSize; size%n != 0 {
		return 0, fmt.Errorf("train.batch_size is %d, which cannot be split evenly over %s: set it to a multiple of %d, or backend.devices "+
			"to another number",
			size, printable.Count(n, "device"), n)
	}
	return n, nil
}

// distribute makes a program run on all devices of the step at once, each with
// inputs of its own.
//
// This is GoMLX's SPMD, in which the devices exchange what the program says and
// nothing else: the gradient, once. Its AutoSharding is told where the batch lies
// and lets XLA find the rest, in a program of the whole batch; it was tried, and
// is neither faster nor slower.
func (s *stepGraph) distribute(exec *Exec) error {
	if s.devices == 1 {
		return nil
	}
	mesh, err := distributed.NewDeviceMesh([]int{s.devices}, []string{"batch"})
	if err != nil {
		return err
	}
	exec.SPMD(mesh)
	return nil
}

// average is the mean over the devices of a loss and its gradient. Every device
// has as many images, so that it is that of the batch; every device gets the
// same, so that their states stay the same.
func (s *stepGraph) average(loss, grad *Node) (*Node, *Node) {
	if s.devices == 1 {
		return loss, grad
	}
	sums := grad.Graph().Distributed().AllReduce([]*Node{loss, grad}, compute.ReduceOpSum)
	n := float64(s.devices)
	return DivScalar(sums[0], n), DivScalar(sums[1], n)
}

// shards are the parts of a batch that the devices get, all of one size. There
// are as many as devices, unless these do not divide the batch, the last and
// smaller one of an epoch (drop_last: false): then as many as divide both, and
// each is given to several devices. The mean over the devices is the batch's
// either way.
func (t *trainer) shards(b *batch) []*batch {
	devices := t.graph.devices
	parts := gcd(len(b.labels), devices)
	size := len(b.labels) / parts
	shards := make([]*batch, devices)
	for i := range shards {
		shards[i] = b.slice(i%parts*size, (i%parts+1)*size)
	}
	return shards
}

// slice is the part of a batch from one image to another.
func (b *batch) slice(from, to int) *batch {
	pixels := len(b.images) / len(b.labels)
	part := &batch{images: b.images[from*pixels : to*pixels], noise: b.noise[from*pixels : to*pixels],
		timesteps: b.timesteps[from:to], labels: b.labels[from:to]}
	if b.dropout != nil {
		part.dropout = b.dropout[from*dropoutKey : to*dropoutKey]
	}
	return part
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
