package train

import (
	"math/rand/v2"
	"sort"

	"flowharness/metrics/assignment"
	"flowharness/schedulers"
)

// couple pairs the noise of a batch with its data anew, as the process says, by moving the noise: every sample stays where it
// is, with its class. rng is drawn from by couplings that leave something to chance. It is called by the workers that make
// batches, ahead of the device.
func couple(c schedulers.ProcessConfig, b *batch, rng *rand.Rand) error {
	switch c.Coupling {
	case schedulers.MinibatchOT:
		return b.assign(all(len(b.labels)))
	case schedulers.ClassOT:
		members := map[int32][]int{}
		for i, class := range b.labels {
			members[class] = append(members[class], i)
		}
		for _, class := range members { // in any order: each class has noise of its own
			if err := b.assign(class); err != nil {
				return err
			}
		}
	case schedulers.SinkhornCoupling:
		return b.transport(c.SinkhornReg, rng)
	}
	return nil
}

func all(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// assign gives the noise of some samples of a batch to these so that the sum of squared distances is least.
func (b *batch) assign(members []int) error {
	n := len(members)
	columns, err := assignment.Solve(b.distances(members), n)
	if err != nil {
		return err
	}
	from := make([]int, n)
	for i, j := range columns {
		from[i] = members[j]
	}
	b.moveNoise(members, from)
	return nil
}

// transport gives each sample the noise of one, drawn from the plan of entropic optimal transport: noise may be given twice.
func (b *batch) transport(reg float64, rng *rand.Rand) error {
	n := len(b.labels)
	members := all(n)
	cost := b.distances(members)
	var mean float64
	for _, c := range cost {
		mean += c / float64(len(cost))
	}
	if mean == 0 {
		return nil
	}
	plan, err := assignment.Sinkhorn(cost, n, reg*mean)
	if err != nil {
		return err
	}
	from, sums := make([]int, n), make([]float64, n)
	for i := range n {
		var sum float64
		for j, p := range plan[i*n : (i+1)*n] {
			sum += p
			sums[j] = sum
		}
		drawn := rng.Float64() * sum
		from[i] = min(sort.Search(n, func(j int) bool { return sums[j] > drawn }), n-1)
	}
	b.moveNoise(members, from)
	return nil
}

// distances are the squared ones of samples, row by row, to the noise of the same.
func (b *batch) distances(members []int) []float64 {
	n, values := len(members), len(b.images)/len(b.labels)
	cost := make([]float64, n*n)
	for i, sample := range members {
		x := b.images[sample*values : (sample+1)*values]
		for j, other := range members {
			z := b.noise[other*values : (other+1)*values]
			var sum float64
			for k, v := range x {
				d := float64(v) - float64(z[k])
				sum += float64(d * d)
			}
			cost[i*n+j] = sum
		}
	}
	return cost
}

// moveNoise gives sample to[i] the noise of sample from[i].
func (b *batch) moveNoise(to, from []int) {
	values := len(b.images) / len(b.labels)
	old := append([]float32(nil), b.noise...)
	for i, t := range to {
		copy(b.noise[t*values:(t+1)*values], old[from[i]*values:(from[i]+1)*values])
	}
}
