package train

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
)

var parity = flag.Bool("parity", false, "run the parity test: 4 × 300 training steps on MNIST, about an hour on 2 cores (make parity)")

// TestParity trains the recipe of the reference curves (batch 64, 300 steps,
// real MNIST) and compares the mean loss of steps 201–300, over two seeds, with
// what PyTorch + diffusers reached on the same recipe with two seeds.
func TestParity(t *testing.T) {
	if !*parity {
		t.Skip("pass -parity to run it (make parity)")
	}
	for _, tc := range []struct {
		recipe, config string
		tolerance      float64
	}{
		{"fm", "fm_mnist.yaml", 0.04},
		{"ddpm", "ddpm_mnist.yaml", 0.05},
	} {
		t.Run(tc.recipe, func(t *testing.T) {
			var ours, theirs float64
			for seed := range 2 {
				reference := referenceLosses(t, fmt.Sprintf("reference_%s_b64_seed%d.json", tc.recipe, seed))
				theirs += lateMean(reference) / 2
				losses := parityLosses(t, tc.config, seed)
				ours += lateMean(losses) / 2
				fmt.Printf("parity %s seed %d: ours %.4f, reference %.4f (mean loss of steps 201–300)\n", tc.recipe, seed,
					lateMean(losses), lateMean(reference))
			}
			distance := ours/theirs - 1
			fmt.Printf("parity %s: ours %.4f, reference %.4f, %+.1f %%\n", tc.recipe, ours, theirs, 100*distance)
			if distance > tc.tolerance || distance < -tc.tolerance {
				t.Errorf("mean loss of steps 201–300 is %.4f, the reference's %.4f: %+.1f %%, allowed ±%.0f %%", ours, theirs,
					100*distance, 100*tc.tolerance)
			}
		})
	}
}

func parityLosses(t *testing.T, name string, seed int) []float64 {
	resolved, err := config.Load(filepath.Join(repoRoot(t), "configs", name), []string{
		"train.epochs=null", "train.steps=300", "train.batch_size=64", fmt.Sprintf("seed=%d", seed),
		"sampling.at_epochs=[]", "sampling.at_end=false"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(context.Background(), dataset.Options{Name: "mnist", Dir: filepath.Join(sharedDir(t), "mnist"), Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	rec := newMemoryRecorder()
	_, err = Run(context.Background(), Options{Config: resolved.Config, ConfigHash: resolved.Hash, Data: data,
		Backend: openBackend(t, "xla:cpu").Backend, Recorder: rec, CheckpointDir: t.TempDir(),
		Observe: func(e Event) {
			if e.Step%25 == 0 && e.Loss != 0 {
				fmt.Printf("parity %s seed %d: step %d/%d, loss %.4f, %.2f s/step\n", name, seed, e.Step, e.Steps, e.Loss, e.StepTime.Seconds())
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	return rec.series(record.TrainLoss)
}

func lateMean(losses []float64) float64 {
	var sum float64
	for _, l := range losses[200:300] {
		sum += l
	}
	return sum / 100
}

func referenceLosses(t *testing.T, file string) []float64 {
	t.Helper()
	golden := os.Getenv("HARNESS_GOLDEN")
	if golden == "" {
		golden = filepath.Join(sharedDir(t), "golden")
	}
	b, err := os.ReadFile(filepath.Join(golden, file))
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		Losses []float64 `json:"losses"`
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return ref.Losses
}
