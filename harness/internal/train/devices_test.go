package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/record"
)

// small trains nine steps in three epochs, whose last batch is of six images:
// four devices cannot share it evenly.
const small = `
name: small
seed: 7
data: {name: digits, limit: 22, flip: true, drop_last: false}
model:
  block_out_channels: [4]
  layers_per_block: 1
  down_block_types: [DownBlock2D]
  up_block_types: [UpBlock2D]
  norm_num_groups: 4
  attention_head_dim: 4
process: {name: flow_match}
train: {batch_size: 8, steps: 9, lr: 0.002, lr_schedule: cosine, warmup_steps: 2, grad_clip: 1, ema_decay: 0.9}
sampling: {at_end: false}
metrics: {validation_images: 0}
checkpoint: {every_epochs: 0, keep: 2}
`

// devicesTolerance is the relative difference allowed. Sums of another order
// differ by a few units in the last of float32's 24 bits, and the steps carry that
// on: 3e-6 of a loss was seen after nine of them.
const devicesTolerance = 2e-5

func TestSeveralDevicesTrainAsOneDoes(t *testing.T) {
	b := openBackend(t, "xla:cpu").Backend
	var one *memoryRecorder
	for _, devices := range []int{1, 2, 4} {
		rec := newMemoryRecorder()
		o := smallOptions(t, b, devices, rec)
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if one == nil {
			one = rec
			continue
		}
		for _, s := range []string{record.TrainLoss, record.GradNorm, record.Last100} {
			largest := 0.0
			want, got := one.series(s), rec.series(s)
			if len(want) != len(got) {
				t.Fatalf("%d devices: %d points of %s, want %d", devices, len(got), s, len(want))
			}
			for i := range want {
				largest = max(largest, math.Abs(got[i]/want[i]-1))
			}
			if !(largest <= devicesTolerance) {
				t.Errorf("%d devices: %s differs from that of one by a part of %.2g, allowed %g", devices, s, largest, devicesTolerance)
			}
			t.Logf("%d devices: %s differs by a part of %.2g", devices, s, largest)
		}
		if devices == 4 {
			interruptAndResume(t, b, rec)
		}
	}
}

// interruptAndResume stops on four devices and goes on, which repeats the run of
// rec to the bit.
func interruptAndResume(t *testing.T, b compute.Backend, whole *memoryRecorder) {
	t.Helper()
	rec := newMemoryRecorder()
	o := smallOptions(t, b, 4, rec)
	o.StopAfter = 2
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error is %v, want ErrInterrupted", err)
	}
	o.Resume, o.Losses, o.StopAfter = loadState(t, o, 2), rec.series(record.TrainLoss), 0
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{record.TrainLoss, record.GradNorm, record.Last100} {
		sameSeries(t, whole.series(s), rec.series(s))
	}
}

// Each device's part of the batch has a gradient of its own, here computed on one
// device: what the devices agree on is exactly their mean.
func TestTheGradientIsTheMeanOfThatOfTheParts(t *testing.T) {
	o := smallOptions(t, openBackend(t, "xla:cpu").Backend, 2, nil)
	two, err := newTrainer(o)
	if err != nil {
		t.Fatal(err)
	}
	defer two.finalize()
	whole, err := two.makeBatch(0)
	if err != nil {
		t.Fatal(err)
	}
	parts := two.shards(whole)
	one := gradientProgram(t, two, 1)
	first, second := one(parts[0])[0], one(parts[1])[0]
	if slices.Equal(first, second) {
		t.Fatal("the parts have the same gradient")
	}
	for device, g := range gradientProgram(t, two, 2)(parts...) {
		for i := range g {
			if mean := (first[i] + second[i]) / 2; g[i] != mean {
				t.Fatalf("device %d: entry %d of the gradient and the loss is %v, want %v", device, i, g[i], mean)
			}
		}
	}
}

// gradientProgram compiles the gradient of a trainer's first weights on a number
// of devices: from a batch for each device to its gradient, followed by its loss.
func gradientProgram(t *testing.T, of *trainer, devices int) func(...*batch) [][]float32 {
	t.Helper()
	s := *of.graph
	s.devices = devices
	exec, err := NewExec(of.Backend, func(weights, images, noise, timesteps, labels *Node) []*Node {
		loss, grad := s.gradient(weights, stepInputs{images: images, noise: noise, timesteps: timesteps, labels: labels})
		return []*Node{Concatenate([]*Node{grad, Reshape(loss, 1)}, 0)}
	})
	if err == nil {
		err = s.distribute(exec)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	weights := InitialWeights(of.model, of.Config.Seed)
	return func(parts ...*batch) [][]float32 {
		t.Helper()
		var args []any
		for _, part := range parts {
			args = append(args, tensors.FromFlatDataAndDimensions(weights, len(weights)))
			for _, in := range of.inputs(part) {
				args = append(args, in)
			}
		}
		outputs, err := exec.Call(args...)
		if err != nil {
			t.Fatal(err)
		}
		gradients := make([][]float32, len(outputs))
		for i, out := range outputs {
			gradients[i] = onHost(t, out)
		}
		return gradients
	}
}

// The states of all devices are the same to the bit after every kind of batch.
func TestAllDevicesHoldTheSameState(t *testing.T) {
	o := smallOptions(t, openBackend(t, "xla:cpu").Backend, 4, nil)
	four, err := newTrainer(o)
	if err != nil {
		t.Fatal(err)
	}
	defer four.finalize()
	for n := range four.stepsPerEpoch + 1 {
		b, err := four.makeBatch(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := four.step(b, 1e-3); err != nil {
			t.Fatal(err)
		}
	}
	for i := range four.replicas[0] {
		first := onHost(t, four.replicas[0][i])
		for device := 1; device < 4; device++ {
			if !slices.Equal(first, onHost(t, four.replicas[device][i])) {
				t.Errorf("vector %d of the state is another on device %d than on the first", i, device)
			}
		}
	}
}

func onHost(t *testing.T, device *tensors.Tensor) []float32 {
	t.Helper()
	host, err := tensors.CopyFlatData[float32](device)
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func TestABatchIsSharedOutInEqualParts(t *testing.T) {
	for _, tc := range []struct {
		name          string
		size, devices int
		firsts        []int // first image of each device's part
		part          int
	}{
		{"one device has it all", 8, 1, []int{0}, 8},
		{"four devices have a quarter each", 8, 4, []int{0, 2, 4, 6}, 2},
		{"a last batch of six is halved for four devices", 6, 4, []int{0, 3, 0, 3}, 3},
		{"a last batch of five is given to all of four", 5, 4, []int{0, 0, 0, 0}, 5},
		{"a last batch of one is given to both", 1, 2, []int{0, 0}, 1},
		{"a last batch of four is halved for six", 4, 6, []int{0, 2, 0, 2, 0, 2}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBatch(tc.size, 3)
			for i := range b.labels {
				b.labels[i], b.timesteps[i] = int32(i), float32(i)
				for p := range 3 {
					b.images[3*i+p], b.noise[3*i+p] = float32(i), float32(-i)
				}
			}
			trainer := &trainer{graph: &stepGraph{devices: tc.devices}}
			shards := trainer.shards(b)
			if len(shards) != tc.devices {
				t.Fatalf("%d parts for %d devices", len(shards), tc.devices)
			}
			for device, s := range shards {
				if len(s.labels) != tc.part || len(s.timesteps) != tc.part || len(s.images) != 3*tc.part || len(s.noise) != 3*tc.part {
					t.Fatalf("device %d has %d images, want %d", device, len(s.labels), tc.part)
				}
				for i := range tc.part {
					want := float32(tc.firsts[device] + i)
					if s.labels[i] != int32(want) || s.timesteps[i] != want || s.images[3*i+2] != want || s.noise[3*i] != -want {
						t.Errorf("image %d of device %d is %v, want %v", i, device, s.images[3*i+2], want)
					}
				}
			}
		})
	}
}

func TestNumbersOfDevicesThatABackendCannotServe(t *testing.T) {
	for _, tc := range []struct {
		name         string
		devices      config.Devices
		there, batch int
		want         int
		wantErr      string
	}{
		{"one of one", 1, 1, 7, 1, ""},
		{"all of one", config.AllDevices, 1, 7, 1, ""},
		{"all of four", config.AllDevices, 4, 8, 4, ""},
		{"some of four", 2, 4, 6, 2, ""},
		{"none", 0, 1, 8, 0, "backend.devices must be at least 1, is 0"},
		{"fewer than none", -2, 1, 8, 0, "backend.devices must be at least 1, is -2"},
		{"two of one", 2, 1, 8, 0, "backend.devices is 2, but this backend has 1 device"},
		{"eight of four", 8, 4, 8, 0, "backend.devices is 8, but this backend has 4 devices"},
		{"a batch that all do not divide", config.AllDevices, 4, 6, 0,
			"train.batch_size is 6, which cannot be split evenly over 4 devices: set it to a multiple of 4, or backend.devices to another number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config.Config{Backend: config.Backend{Devices: tc.devices}, Train: config.Train{BatchSize: tc.batch}}
			got, err := Devices(cfg, tc.there)
			if got != tc.want || errorText(err) != tc.wantErr {
				t.Errorf("got %d, %v, want %d, %s", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// BenchmarkStepOnSeveralDevices times steps of the quickstart config on one, two
// and four devices, in turns, so that what else the machine does disturbs all
// alike, and reports the fastest and the median of each.
func BenchmarkStepOnSeveralDevices(b *testing.B) {
	xla, err := backend.Open(backend.Options{Name: backend.XLACPU})
	if err != nil {
		b.Skip(err)
	}
	defer xla.Finalize()
	data, err := dataset.Open(b.Context(), dataset.Options{Name: "digits", Split: "train", Limit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	numbers := []int{1, 2, 4}
	trainers, times := make([]*trainer, len(numbers)), make([][]time.Duration, len(numbers))
	for i, n := range numbers {
		resolved, err := config.Load("../../../configs/quickstart.yaml", []string{fmt.Sprintf("backend.devices=%d", n)})
		if err != nil {
			b.Fatal(err)
		}
		if trainers[i], err = newTrainer(Options{Config: resolved.Config, Data: data, Backend: xla.Backend}); err != nil {
			b.Fatal(err)
		}
		defer trainers[i].finalize()
	}
	step := func(n, i int) time.Duration {
		batch, err := trainers[i].makeBatch(n)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if _, err := trainers[i].step(batch, 1e-3); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	for i := range trainers {
		step(0, i) // compiles
	}
	for n := 1; b.Loop(); n++ {
		for i := range trainers {
			times[i] = append(times[i], step(n, i))
		}
	}
	for i, n := range numbers {
		slices.Sort(times[i])
		b.ReportMetric(times[i][0].Seconds()*1e3, fmt.Sprintf("fastest-ms-on-%d", n))
		b.ReportMetric(times[i][len(times[i])/2].Seconds()*1e3, fmt.Sprintf("median-ms-on-%d", n))
	}
}

func smallOptions(t *testing.T, b compute.Backend, devices int, rec Recorder) Options {
	t.Helper()
	resolved, err := config.Parse("small.yaml", []byte(small), []string{fmt.Sprintf("backend.devices=%d", devices)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(context.Background(), dataset.Options{Name: "digits", Split: "train", Limit: resolved.Config.Data.Limit})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: resolved.Config, ConfigHash: resolved.Hash, Data: data, Backend: b,
		Recorder: rec, CheckpointDir: t.TempDir(), RunID: "small"}
}
