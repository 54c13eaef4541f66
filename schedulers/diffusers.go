package schedulers

import (
	"encoding/json"
	"fmt"
)

// diffusersFlow is diffusers' scheduler of flows. With invert_sigmas its time runs as ours does, from noise at 0 to data at
// 1, and a model predicts the velocity in that direction.
const diffusersFlow = "FlowMatchEulerDiscreteScheduler"

// DiffusersScheduler is the scheduler_config.json of a scheduler of diffusers that samples models of the process. ok is
// false if there is none.
func (c ProcessConfig) DiffusersScheduler() (config map[string]any, ok bool) {
	switch {
	case c.Name == FlowMatch && c.Path != "cosine":
		return map[string]any{"_class_name": diffusersFlow, "num_train_timesteps": c.NumTrainTimesteps, "shift": 1.0,
			"invert_sigmas": true}, true
	case c.Name == DDPM:
		config := map[string]any{"_class_name": "DDPMScheduler", "num_train_timesteps": c.NumTrainTimesteps,
			"beta_schedule": c.BetaSchedule, "prediction_type": c.PredictionType, "rescale_betas_zero_snr": c.RescaleBetasZeroSNR}
		if c.BetaSchedule != cosineBetas {
			config["beta_start"], config["beta_end"] = c.BetaStart, c.BetaEnd
		}
		return config, true
	}
	return nil, false
}

// ReadDiffusersScheduler is the process whose models a scheduler of diffusers samples.
func ReadDiffusersScheduler(text []byte) (ProcessConfig, error) {
	var given struct {
		Class             string  `json:"_class_name"`
		NumTrainTimesteps int     `json:"num_train_timesteps"`
		InvertSigmas      bool    `json:"invert_sigmas"`
		UseFlowSigmas     bool    `json:"use_flow_sigmas"`
		BetaSchedule      string  `json:"beta_schedule"`
		BetaStart         float64 `json:"beta_start"`
		BetaEnd           float64 `json:"beta_end"`
		TrainedBetas      any     `json:"trained_betas"`
		PredictionType    string  `json:"prediction_type"`
		ZeroSNR           bool    `json:"rescale_betas_zero_snr"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return ProcessConfig{}, fmt.Errorf("it does not hold what a scheduler's does: %w", err)
	}
	c := ProcessConfig{NumTrainTimesteps: given.NumTrainTimesteps}
	switch {
	case given.Class == diffusersFlow && !given.InvertSigmas:
		return c, fmt.Errorf("its %s has no invert_sigmas: the model's time runs from data to noise, against the direction that is known here",
			given.Class)
	case given.Class == diffusersFlow:
		c.Name = FlowMatch
	case given.BetaSchedule != "" && !given.UseFlowSigmas && given.TrainedBetas == nil:
		c.Name, c.BetaSchedule, c.PredictionType, c.RescaleBetasZeroSNR = DDPM, given.BetaSchedule, given.PredictionType, given.ZeroSNR
		if c.BetaSchedule != cosineBetas {
			c.BetaStart, c.BetaEnd = given.BetaStart, given.BetaEnd
		}
	default:
		return c, fmt.Errorf("its %s is of no process that is known here", given.Class)
	}
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("process: %w", err)
	}
	return c, nil
}
