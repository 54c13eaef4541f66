package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// KernelOptions say how [Kernel] cuts the samples into subsets.
type KernelOptions struct {
	// Size is the number of images in a subset, of each kind; 0 is the largest
	// that gives so many Subsets, at most 1000.
	Size int
	// Subsets is the number of disjoint subsets, at least 1; 0 is 10.
	Subsets int
	// Rand decides which images form a subset. Generators in equal states
	// give equal subsets.
	Rand *rand.Rand
}

// KernelResult is a kernel distance and how well it is known.
type KernelResult struct {
	// Distance is the mean of the subsets' estimates.
	Distance float64
	// StdErr is the standard error of Distance: the standard deviation of the
	// subsets' estimates (divisor Subsets - 1) by the square root of Subsets.
	// The subsets share no image, so that their estimates are independent; it
	// is the spread over new draws of both the real and the generated images,
	// and says nothing of another training seed. NaN for one subset.
	StdErr float64

	Size, Subsets int // of and how many subsets
}

// Kernel is the squared maximum mean discrepancy of two sets of features under
// the kernel (xᵀy/d + 1)³, the "kernel Inception distance" KID of Bińkowski et
// al. 2018 (arXiv:1801.01401, section 4), here of any features. On each subset
// of m real images x and m generated ones y it takes the unbiased estimate
// (Gretton et al. 2012, JMLR 13, lemma 6)
//
//	1/(m(m-1)) Σ_{i≠j} k(xᵢ,xⱼ) + 1/(m(m-1)) Σ_{i≠j} k(yᵢ,yⱼ) - 2/m² Σ_{i,j} k(xᵢ,yⱼ)
//
// and returns the mean over disjoint subsets. Unlike the Fréchet distance it is
// unbiased for any number of samples: its mean is 0 for equal distributions,
// and single values may be negative. It has no unit.
//
// The original draws overlapping subsets (100 of 1000), whose spread is not a
// standard error of their mean; see [KernelResult].
//
// It is an error if there are too few images for the subsets, if the options
// make no sense, or if a feature is not finite.
func Kernel(real, fake *Features, o KernelOptions) (KernelResult, error) {
	if err := checkPair(real, fake); err != nil {
		return KernelResult{}, err
	}
	if o.Rand == nil {
		return KernelResult{}, fmt.Errorf("the kernel distance needs a random generator to choose subsets")
	}
	n := min(real.N, fake.N)
	o, err := o.fit(n)
	if err != nil {
		return KernelResult{}, err
	}
	xs, ys := real.float64s(), fake.float64s()
	permReal, permFake := o.Rand.Perm(real.N), o.Rand.Perm(fake.N)
	estimates := make([]float64, o.Subsets)
	for s := range estimates {
		from, to := s*o.Size, (s+1)*o.Size
		estimates[s] = mmd(pick(xs, permReal[from:to]), pick(ys, permFake[from:to]))
	}
	mean, stdErr := meanAndStdErr(estimates)
	return KernelResult{Distance: mean, StdErr: stdErr, Size: o.Size, Subsets: o.Subsets}, nil
}

// fit fills in what is left open, for n images of each kind.
func (o KernelOptions) fit(n int) (KernelOptions, error) {
	if o.Size < 0 || o.Subsets < 0 || o.Size == 1 {
		return o, fmt.Errorf("the kernel distance takes subsets of at least 2 images, not %d subsets of %d", o.Subsets, o.Size)
	}
	if o.Subsets == 0 {
		o.Subsets = 10
	}
	if o.Size == 0 {
		o.Size = min(1000, n/o.Subsets)
	}
	if o.Size < 2 || o.Size > n/o.Subsets {
		return o, fmt.Errorf("%d images are too few for the kernel distance's %d subsets of %d", n, o.Subsets, max(o.Size, 2))
	}
	return o, nil
}

// mmd is the unbiased estimate for m vectors of each kind. Rows are summed in
// parallel and added up in order.
func mmd(x, y [][]float64) float64 {
	m := len(x)
	within, across := make([]float64, m), make([]float64, m)
	forRows(m, func(i int) {
		for j := i + 1; j < m; j++ {
			within[i] += cubic(x[i], x[j]) + cubic(y[i], y[j])
		}
		for j := range m {
			across[i] += cubic(x[i], y[j])
		}
	})
	var w, a float64
	for i := range m {
		w += within[i]
		a += across[i]
	}
	n := float64(m)
	return 2*w/(n*(n-1)) - 2*a/(n*n)
}

// pick lists the chosen rows.
func pick(rows [][]float64, chosen []int) [][]float64 {
	picked := make([][]float64, len(chosen))
	for i, row := range chosen {
		picked[i] = rows[row]
	}
	return picked
}

// cubic is the kernel (xᵀy/d + 1)³.
func cubic(x, y []float64) float64 {
	var dot float64
	y = y[:len(x)]
	for i, v := range x {
		dot += v * y[i]
	}
	k := dot/float64(len(x)) + 1
	return k * k * k
}

// meanAndStdErr are the mean of values and the standard error of that mean: NaN
// where there are too few values.
func meanAndStdErr(values []float64) (mean, stdErr float64) {
	n := float64(len(values))
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	for _, v := range values {
		mean += v / n
	}
	if n == 1 {
		return mean, math.NaN()
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / (n - 1) / n)
}

var kernelFamily = family{
	metrics: []Metric{{
		Name: "kid_{dataset}_cnn", Better: Lower, Classifier: true, Low: -inf, High: inf,
		Description: "kernel distance (KID's estimator) of the harness's classifier's features to the test split's; 0 on average for equal " +
			"distributions (not Inception KID)",
	}},
	compute: func(in *Input) ([]Value, error) {
		if in.Reference == nil || in.Generated == nil {
			return nil, nil
		}
		v := value(in.named("kid_{dataset}_cnn"))
		if n := min(in.Reference.N, in.Generated.N); n < 20 {
			v.Note = fmt.Sprintf("not defined for %d real and %d generated images: it takes 20 of each", in.Reference.N, in.Generated.N)
			return []Value{v}, nil
		}
		r, err := Kernel(in.Reference, in.Generated, KernelOptions{Rand: rand.New(rand.NewPCG(in.Seed, kernelStream))})
		v.Value, v.StdErr = r.Distance, r.StdErr
		return []Value{v}, err
	},
}

// kernelStream keeps the choice of subsets apart from other uses of a seed.
const kernelStream = 0x6b6964 // "kid"
