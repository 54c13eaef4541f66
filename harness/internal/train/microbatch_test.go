package train

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/record"
)

// microbatchTolerance is the relative difference allowed, see devicesTolerance.
const microbatchTolerance = 2e-5

// The last batch of an epoch is of six images of eight: parts of four leave a part
// of two, and parts of one none.
func TestPartsOfABatchTrainAsTheWholeDoes(t *testing.T) {
	type inParts struct{ devices, microbatch int }
	for name, cases := range map[string][]inParts{"xla:cpu": {{1, 4}, {2, 2}}, "go": {{1, 4}, {1, 1}}} {
		t.Run(name, func(t *testing.T) {
			b := openBackend(t, name).Backend
			run := func(devices, microbatch int) *memoryRecorder {
				rec := newMemoryRecorder()
				o := smallOptions(t, b, devices, rec)
				o.Config.Train.MicrobatchSize = microbatch
				if _, err := Run(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				return rec
			}
			whole := run(1, 8)
			for _, c := range cases {
				parts := run(c.devices, c.microbatch)
				for _, s := range []string{record.TrainLoss, record.GradNorm, record.Last100} {
					want, got := whole.series(s), parts.series(s)
					if len(want) == 0 || len(want) != len(got) {
						t.Fatalf("parts of %d on %d devices: %d points of %s, want %d", c.microbatch, c.devices, len(got), s, len(want))
					}
					largest := 0.0
					for i := range want {
						largest = max(largest, math.Abs(got[i]/want[i]-1))
					}
					if !(largest <= microbatchTolerance) {
						t.Errorf("parts of %d on %d devices: %s differs from that of the whole by a part of %.2g, allowed %g",
							c.microbatch, c.devices, s, largest, microbatchTolerance)
					}
					t.Logf("parts of %d on %d devices: %s differs by a part of %.2g", c.microbatch, c.devices, s, largest)
				}
			}
		})
	}
}

func TestARunInPartsRepeatsAndResumesToTheBit(t *testing.T) {
	b := openBackend(t, "xla:cpu").Backend
	for _, devices := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d devices", devices), func(t *testing.T) {
			options := func() (Options, *memoryRecorder) {
				rec := newMemoryRecorder()
				o := smallOptions(t, b, devices, rec)
				o.Config.Train.MicrobatchSize = 2
				return o, rec
			}
			o, whole := options()
			if _, err := Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			o, again := options()
			o.StopAfter = 5 // in the middle of an epoch
			if _, err := Run(t.Context(), o); !errors.Is(err, ErrInterrupted) {
				t.Fatalf("error is %v, want ErrInterrupted", err)
			}
			o.Resume, o.Losses, o.StopAfter = loadState(t, o, 5), again.series(record.TrainLoss), 0
			if _, err := Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{record.TrainLoss, record.GradNorm, record.Last100} {
				sameSeries(t, whole.series(s), again.series(s))
			}
		})
	}
}

// The sums begin at zero in every step: those of a step before are not added again.
func TestTheGradientOfTheSameBatchIsTheSameInTheNextStep(t *testing.T) {
	o := smallOptions(t, openBackend(t, "xla:cpu").Backend, 1, nil)
	o.Config.Train.MicrobatchSize = 2
	tr, err := newTrainer(o)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.finalize()
	b, err := tr.makeBatch(0)
	if err != nil {
		t.Fatal(err)
	}
	first, err := tr.step(b, 0) // a learning rate of zero leaves the weights as they are
	if err != nil {
		t.Fatal(err)
	}
	second, err := tr.step(b, 0)
	if err != nil {
		t.Fatal(err)
	}
	if first != second || first.loss == 0 || first.gradNorm == 0 {
		t.Errorf("loss and norm are %v, then %v", first, second)
	}
	for _, zeros := range tr.parts.zeros {
		for _, z := range zeros {
			flat, err := tensors.CopyFlatData[float32](z)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range flat {
				if x != 0 {
					t.Fatalf("entry %d of the zeros is %v", i, x)
				}
			}
		}
	}
}

func TestABatchOfOnePartIsRunByTheProgramOfWholeBatches(t *testing.T) {
	b := openBackend(t, "xla:cpu").Backend
	for _, tc := range []struct {
		devices, microbatch int
		parts               bool
	}{{1, config.AutoMicrobatch, false}, {1, 8, false}, {1, 4, true}, {2, 4, false}, {2, 2, true}} {
		o := smallOptions(t, b, tc.devices, nil)
		o.Config.Train.MicrobatchSize = tc.microbatch
		tr, err := newTrainer(o)
		if err != nil {
			t.Fatal(err)
		}
		if (tr.parts != nil) != tc.parts || (tr.exec == nil) != tc.parts {
			t.Errorf("microbatches of %d on %d devices: in parts is %v, want %v", tc.microbatch, tc.devices, tr.parts != nil, tc.parts)
		}
		tr.finalize()
	}
}

func TestSizesOfMicrobatches(t *testing.T) {
	const (
		auto   = config.AutoMicrobatch
		xlaCPU = true
		other  = false // a GPU, or the pure-Go backend
	)
	for _, tc := range []struct {
		name           string
		wanted, images int
		xlaCPU         bool
		want           int
		wantErr        string
	}{
		{"a small batch is run whole", auto, 1, xlaCPU, 1, ""},
		{"so is one of the largest microbatch", auto, 64, xlaCPU, 64, ""},
		{"128 are two halves", auto, 128, xlaCPU, 64, ""},
		{"256 are four quarters", auto, 256, xlaCPU, 64, ""},
		{"96 are two halves", auto, 96, xlaCPU, 48, ""},
		{"100 are two halves", auto, 100, xlaCPU, 50, ""},
		{"1000 are parts of 50", auto, 1000, xlaCPU, 50, ""},
		{"the smallest microbatch", auto, 16 * 67, xlaCPU, 16, ""},
		{"smaller ones are not worth it", auto, 15 * 67, xlaCPU, 15 * 67, ""},
		{"a prime batch is run whole", auto, 127, xlaCPU, 127, ""},
		{"elsewhere a large batch is run whole", auto, 256, other, 256, ""},
		{"a size of choice", 8, 256, other, 8, ""},
		{"a size of choice that auto would not take", 128, 256, xlaCPU, 128, ""},
		{"the whole by choice", 256, 256, xlaCPU, 256, ""},
		{"one image at a time", 1, 7, xlaCPU, 1, ""},
		{"one that does not divide", 48, 256, other, 0,
			"train.microbatch_size is 48, which does not divide the 256 images that a device gets of a batch: set it to a divisor, or to auto"},
		{"more than there are", 512, 256, xlaCPU, 0,
			"train.microbatch_size is 512, which does not divide the 256 images that a device gets of a batch: set it to a divisor, or to auto"},
		{"fewer than none", -1, 256, xlaCPU, 0, "train.microbatch_size must be at least 1, is -1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := microbatch(tc.wanted, tc.images, tc.xlaCPU)
			if got != tc.want || errorText(err) != tc.wantErr {
				t.Errorf("got %d, %v, want %d, %s", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestOnlyXLAOnTheProcessorTakesPartsByItself(t *testing.T) {
	for name, want := range map[string]int{"xla:cpu": 64, "go": 128} {
		cfg := config.Config{Train: config.Train{BatchSize: 256}}
		if got, err := Microbatch(cfg, openBackend(t, name).Backend, 2); got != want || err != nil {
			t.Errorf("%s: 128 of a batch of 256 are run in parts of %d (%v), want %d", name, got, err, want)
		}
	}
}
