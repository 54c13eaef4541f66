package train

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/schedulers"
)

// BenchmarkTrainingStep is one step of the tutorial's recipe, from
// making the batch to reading the loss.
func BenchmarkTrainingStep(b *testing.B) {
	for _, size := range []int{32, 64, 128, 256} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			if testing.Short() && size > 32 {
				b.Skip("one size is enough to see that it works")
			}
			w := newWork(b)
			w.train(size) // compiles
			for b.Loop() {
				w.train(size)
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkSamplingStep is one Euler step of 44 images with guidance: the
// network on 88 images.
func BenchmarkSamplingStep(b *testing.B) {
	w := newWork(b)
	w.sample(1) // compiles
	for b.Loop() {
		w.sample(1)
	}
}

var (
	serve        = flag.Bool("serve", false, "do steps as standard input asks for them (make bench-peers)")
	serveBackend = flag.String("serve.backend", "xla:cpu", "backend of the benchmarks and of -serve")
)

// TestServe is this side of make bench-peers: for a line "train BATCH" it makes a
// training step, for "sample STEPS" it draws 44 images with guidance, and answers
// "done SECONDS".
func TestServe(t *testing.T) {
	if !*serve {
		t.Skip("pass -serve to run it (make bench-peers)")
	}
	w := newWork(t)
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var what string
		var n int
		if _, err := fmt.Sscan(strings.TrimSpace(in.Text()), &what, &n); err != nil {
			t.Fatalf("reading %q: %v", in.Text(), err)
		}
		start := time.Now()
		switch what {
		case "train":
			w.train(n)
		case "sample":
			w.sample(n)
		default:
			t.Fatalf("asked to %q", what)
		}
		fmt.Printf("done %.6f\n", time.Since(start).Seconds())
	}
}

// work does single steps of the tutorial's recipe.
type work struct {
	testing.TB
	options  Options
	trainers map[int]*trainer // by batch size
	gen      *Generator
	weights  *tensors.Tensor
}

func newWork(t testing.TB) *work {
	resolved, err := config.Load(filepath.Join(repoRoot(t), "configs", "fm_mnist.yaml"), []string{"data.name=digits"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(context.Background(), dataset.Options{Name: "digits", Split: "train", Limit: 1024})
	if err != nil {
		t.Fatal(err)
	}
	w := &work{TB: t, trainers: map[int]*trainer{}, options: Options{Config: resolved.Config, Data: data,
		Backend: openBackend(t, *serveBackend).Backend, Recorder: newMemoryRecorder(), CheckpointDir: t.TempDir()}}
	t.Cleanup(func() {
		for _, tr := range w.trainers {
			tr.finalize()
		}
		if w.gen != nil {
			w.gen.Finalize()
			w.weights.MustFinalizeAll()
		}
	})
	return w
}

// train makes one training step.
func (w *work) train(batchSize int) {
	tr := w.trainers[batchSize]
	if tr == nil {
		o := w.options
		o.Config.Train.BatchSize = batchSize
		var err error
		if tr, err = newTrainer(o); err != nil {
			w.Fatal(err)
		}
		w.trainers[batchSize] = tr
	}
	trainOnce(w, tr)
}

// trainOnce makes a trainer's next step.
func trainOnce(t testing.TB, tr *trainer) {
	t.Helper()
	batch, err := tr.makeBatch(tr.stepsDone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.step(batch, tr.Config.Train.LR); err != nil {
		t.Fatal(err)
	}
}

// sample draws the tutorial's grid.
func (w *work) sample(steps int) {
	if w.gen == nil {
		var err error
		if w.gen, err = NewGenerator(w.options.Backend, w.options.Config); err != nil {
			w.Fatal(err)
		}
		flat := InitialWeights(w.gen.model, 0)
		w.weights = tensors.FromFlatDataAndDimensions(flat, len(flat))
	}
	sampling := w.options.Config.Sampling
	_, err := w.gen.Generate(context.Background(), w.weights, Request{Sampler: sampling.Samplers[0], Steps: steps,
		Labels: GridLabels(sampling.Rows, w.options.Config.Spec().Classes+1), Guidance: schedulers.Guidance{Scale: sampling.Guidance[0]}})
	if err != nil {
		w.Fatal(err)
	}
}
