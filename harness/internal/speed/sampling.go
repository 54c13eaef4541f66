package speed

import (
	"context"
	"fmt"
	"slices"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/train"
)

const (
	// drawsPerRound is how often a round draws the images.
	drawsPerRound = 3
	// tutorialSteps is the tutorial's number of sampling steps.
	tutorialSteps = 50
)

// sampling is drawing the tutorial's 4 rows of 11 images in one step: with a
// guidance scale above 1 the model sees each image twice.
func sampling(name, about string, guidance float64) benchmark {
	return benchmark{
		name:     "sample/" + name,
		about:    about,
		measures: []quantity{{"one step", Seconds}, {fmt.Sprintf("%d steps, projected", tutorialSteps), Seconds}},
		skip:     skipOnGo,
		run: func(ctx context.Context, s *session, m *meter) error {
			cfg, err := s.configOf(tutorial, 1, 1)
			if err != nil {
				return err
			}
			model, err := cfg.Network()
			if err != nil {
				return err
			}
			cfg.Sampling.Rows, cfg.Sampling.Guidance = 4, []float64{guidance}
			if s.Brief {
				cfg.Sampling.Rows = 1
			}
			cfg.Sampling.Steps = slices.Repeat([]int{1}, 1+drawsPerRound*m.left)
			state := &checkpoint.State{Params: train.InitialWeights(model, 0)}
			var draws Series
			record := func(_ context.Context, sample train.Sample) error {
				first := m.before == 0 // it may still find the machine busy with compiling
				if !first {
					draws = append(draws, sample.Seconds)
				}
				if len(draws) == drawsPerRound {
					step := draws.Median()
					draws = nil
					if err := m.round(step, tutorialSteps*step); err != nil {
						return err
					}
				}
				_, err := m.next()
				return err
			}
			_, err = train.SampleRun(ctx, s.backend.Backend, cfg, state, record, nil)
			return err
		},
	}
}
