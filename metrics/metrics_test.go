package metrics

import (
	"math"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// everything is input for every metric.
func everything(t testing.TB, n int) Input {
	t.Helper()
	in := Input{Dataset: "mnist", NumClasses: 10, Seed: 3,
		Reference: normals(newRand(1), n, 8, 0), Generated: normals(newRand(2), n, 8, 0.3)}
	for i := range n {
		in.Wanted = append(in.Wanted, uint8(i%10))
		in.Predicted = append(in.Predicted, uint8(i%9))
	}
	s, loss := NewStraightness(2), &BinnedLoss{}
	for range n {
		if err := s.Step([]float32{0, 0}, []float32{1, 0}, 0.5); err != nil {
			t.Fatal(err)
		}
		if err := s.Step([]float32{1, 0}, []float32{1, 1}, 0.5); err != nil {
			t.Fatal(err)
		}
		s.End()
	}
	for i := range 2 * LossBins {
		if err := loss.Add(float64(i)/(2*LossBins-1), 0.5); err != nil {
			t.Fatal(err)
		}
	}
	in.Straightness, in.Loss = s, loss
	in.Points = &Points{Generated: normals(newRand(4), n, 2, 0), Reference: normals(newRand(5), n, 2, 0), Begun: normals(newRand(6), n, 2, 0),
		Classes: in.Wanted, ReferenceClasses: in.Wanted}
	if n == 0 {
		in.Points.Classes, in.Points.ReferenceClasses = []uint8{}, []uint8{}
	}
	return in
}

// TestEvaluateComputesTheWholeRegistry: every value belongs to a metric, every
// metric has a value, in the registry's order and within its range.
func TestEvaluateComputesTheWholeRegistry(t *testing.T) {
	values, err := Evaluate(everything(t, 200))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	seen := map[string]bool{}
	for _, v := range values {
		m, ok := Find(v.Name)
		if !ok {
			t.Errorf("%s is no metric of the registry", v.Name)
			continue
		}
		if seen[v.Name] {
			t.Errorf("%s comes twice", v.Name)
		}
		seen[v.Name] = true
		if math.IsNaN(v.Value) || v.Value < m.Low || v.Value > m.High {
			t.Errorf("%s is %g, out of its range %g … %g", v.Name, v.Value, m.Low, m.High)
		}
		if v.StdErr < 0 || v.Note != "" {
			t.Errorf("%+v", v)
		}
		if len(order) == 0 || order[len(order)-1] != m.Name {
			order = append(order, m.Name)
		}
	}
	var want []string
	for _, m := range All() {
		want = append(want, m.Name)
	}
	if !slices.Equal(order, want) {
		t.Errorf("values came in the order %v,\nthe registry's is %v", order, want)
	}
}

func TestEveryMetricIsDescribed(t *testing.T) {
	names := map[string]bool{}
	for _, m := range All() {
		if names[m.Name] {
			t.Errorf("two metrics are named %s", m.Name)
		}
		names[m.Name] = true
		if m.Better != Higher && m.Better != Lower || m.Description == "" || !(m.Low < m.High) {
			t.Errorf("incomplete: %+v", m)
		}
	}
}

func TestFindKnowsNames(t *testing.T) {
	for name, want := range map[string]string{
		"accuracy": "accuracy", "accuracy/3": "accuracy/{class}", "accuracy/": "", "accuracy/x": "", "accuracy/-1": "", "accuracy/03": "",
		"fd_mnist_cnn": "fd_{dataset}_cnn", "fd_fashion_mnist_cnn": "fd_{dataset}_cnn", "fd__cnn": "", "fd_cnn": "", "fid": "",
		"kid_digits_cnn": "kid_{dataset}_cnn", "coverage": "coverage", "val/loss": "val/loss", "val/loss_bin_9": "val/loss_bin_{bin}", "": "",
	} {
		if m, ok := Find(name); m.Name != want || ok != (want != "") {
			t.Errorf("%q is %q, want %q", name, m.Name, want)
		}
	}
}

func TestEvaluateLeavesOutWhatItHasNoInputFor(t *testing.T) {
	full := everything(t, 200)
	for _, tc := range []struct {
		name string
		in   Input
		want []string // first and last
		n    int
	}{
		{"nothing", Input{}, nil, 0},
		{"predictions", Input{NumClasses: 10, Predicted: full.Predicted, Wanted: full.Wanted}, []string{"accuracy", "accuracy/9"}, 11},
		{"features", Input{Dataset: "digits", Reference: full.Reference, Generated: full.Generated}, []string{"fd_digits_cnn", "coverage"}, 6},
		{"moments", Input{Dataset: "digits", ReferenceMoments: mustMoments(t, full.Reference), Generated: full.Generated},
			[]string{"fd_digits_cnn", "fd_digits_cnn"}, 1},
		{"one set of features", Input{Dataset: "digits", Generated: full.Generated}, nil, 0},
		{"trajectories", Input{Straightness: full.Straightness}, []string{"straightness", "path_ratio"}, 3},
		{"losses", Input{Loss: full.Loss}, []string{"val/loss", "val/loss_bin_9"}, 11},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values, err := Evaluate(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if len(values) != tc.n || tc.n > 0 && (values[0].Name != tc.want[0] || values[tc.n-1].Name != tc.want[1]) {
				t.Errorf("%d values: %+v", len(values), values)
			}
		})
	}
}

// TestEvaluateOfTooFewSaysSo: every number of samples from none on gives all
// values, and each that is not a number has a note.
func TestEvaluateOfTooFewSaysSo(t *testing.T) {
	names := func(values []Value) (all []string) {
		for _, v := range values {
			all = append(all, v.Name)
		}
		return all
	}
	full, err := Evaluate(everything(t, 200))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 25 {
		in := everything(t, n)
		if n == 0 {
			in.Wanted, in.Predicted, in.Loss = []uint8{}, []uint8{}, &BinnedLoss{}
		}
		values, err := Evaluate(in)
		if err != nil {
			t.Fatalf("%d samples: %v", n, err)
		}
		if !slices.Equal(names(values), names(full)) {
			t.Errorf("%d samples give the values %v", n, names(values))
		}
		for _, v := range values {
			if math.IsNaN(v.Value) && v.Note == "" {
				t.Errorf("%d samples: %s is NaN without a note", n, v.Name)
			}
		}
	}
}

func TestEvaluateRefusesBadInput(t *testing.T) {
	for name, spoil := range map[string]func(*Input){
		"NaN in the samples' features":    func(in *Input) { in.Generated.Data[5] = float32(math.NaN()) },
		"infinity in the real features":   func(in *Input) { in.Reference.Data[5] = float32(math.Inf(1)) },
		"features of unlike width":        func(in *Input) { in.Generated = normals(newRand(1), 50, 7, 0) },
		"moments of unlike width":         func(in *Input) { in.ReferenceMoments = mustMoments(t, normals(newRand(1), 50, 7, 0)) },
		"features that are no matrix":     func(in *Input) { in.Generated.N++ },
		"predictions missing":             func(in *Input) { in.Predicted = nil },
		"a class that does not exist":     func(in *Input) { in.Predicted[3] = 10 },
		"no classes":                      func(in *Input) { in.NumClasses = 0 },
		"a negative number of neighbours": func(in *Input) { in.Neighbours = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			in := everything(t, 50)
			spoil(&in)
			if values, err := Evaluate(in); err == nil {
				t.Errorf("no error, but %+v", values)
			}
		})
	}
}

func TestEvaluateIsDeterministic(t *testing.T) {
	first, err := Evaluate(everything(t, 200))
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again, err := Evaluate(everything(t, 200))
	if err != nil {
		t.Fatal(err)
	}
	bits := func(values []Value) (all []string) {
		for _, v := range values {
			all = append(all, v.Name+strconv.FormatUint(math.Float64bits(v.Value), 16)+strconv.FormatUint(math.Float64bits(v.StdErr), 16))
		}
		return all
	}
	if !reflect.DeepEqual(bits(first), bits(again)) {
		t.Errorf("on all processors %v\non one %v", first, again)
	}
}

// TestTenThousandSamplesFitInMemory: the peak of the heap while all metrics of
// 10,000 samples are computed, features of 64 values as the classifier has.
func TestTenThousandSamplesFitInMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	in := everything(t, 10)
	in.Predicted, in.Wanted = nil, nil
	in.Reference, in.Generated = &Features{}, &Features{}
	for batch := range uint64(20) {
		class := 2 * float64(batch%10) // features of classes lie apart, which spares most of the comparing
		real, fake := normals(newRand(batch), 500, 64, class), normals(newRand(100+batch), 500, 64, class+0.1)
		if err := in.Reference.Append(real.Data, 64); err != nil {
			t.Fatal(err)
		}
		if err := in.Generated.Append(fake.Data, 64); err != nil {
			t.Fatal(err)
		}
	}
	values, err := Evaluate(in)
	if err != nil {
		t.Fatal(err)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	const limit = 100 << 20 // of the 500 MB that generator, classifier and metrics have together
	if stats.HeapSys > limit {
		t.Errorf("the heap grew to %d MB, allowed %d MB", stats.HeapSys>>20, limit>>20)
	}
	t.Logf("heap %d MB; %d values", stats.HeapSys>>20, len(values))
}

// clouds are what benchmarks compare: 10,000 samples each, or with -short, which
// only asks whether they work, a few.
func clouds() (real, fake *Features) {
	n := 10_000
	if testing.Short() {
		n = 200
	}
	return normals(newRand(1), n, 64, 0), normals(newRand(2), n, 64, 0.1)
}

func BenchmarkManifold10k(b *testing.B) {
	real, fake := clouds()
	for b.Loop() {
		if _, err := Manifold(real, fake, 5); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKernel10k(b *testing.B) {
	real, fake := clouds()
	for b.Loop() {
		if _, err := Kernel(real, fake, KernelOptions{Rand: newRand(1)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrechet10k(b *testing.B) {
	real, fake := clouds()
	for b.Loop() {
		if _, err := Frechet(mustMoments(b, real), mustMoments(b, fake)); err != nil {
			b.Fatal(err)
		}
	}
}
