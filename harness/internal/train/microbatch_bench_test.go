package train

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkMicrobatches times steps of the tutorial's recipe with the batch whole and
// in parts, in turns, so that what else the machine does disturbs all alike, and
// reports the fastest and the median of each.
func BenchmarkMicrobatches(b *testing.B) {
	for _, size := range []int{128, 256} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			if testing.Short() {
				b.Skip("it takes minutes and gigabytes")
			}
			w := newWork(b)
			choices := []string{"whole", "64", "32", "16"}
			trainers, times := make([]*trainer, len(choices)), make([][]time.Duration, len(choices))
			for i, choice := range choices {
				o := w.options
				o.Config.Train.BatchSize = size
				if choice == "whole" {
					o.Config.Train.MicrobatchSize = size
				} else if _, err := fmt.Sscan(choice, &o.Config.Train.MicrobatchSize); err != nil {
					b.Fatal(err)
				}
				var err error
				if trainers[i], err = newTrainer(o); err != nil {
					b.Fatal(err)
				}
				defer trainers[i].finalize()
				trainOnce(b, trainers[i]) // compiles
			}
			for b.Loop() {
				for i, tr := range trainers {
					start := time.Now()
					trainOnce(b, tr)
					times[i] = append(times[i], time.Since(start))
				}
			}
			for i, choice := range choices {
				slices.Sort(times[i])
				b.ReportMetric(times[i][0].Seconds(), "fastest-s-"+choice)
				b.ReportMetric(times[i][len(times[i])/2].Seconds(), "median-s-"+choice)
			}
		})
	}
}
