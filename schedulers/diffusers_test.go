package schedulers

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestSchedulersOfDiffusersAreReadAsTheyWereWritten(t *testing.T) {
	for _, c := range []ProcessConfig{
		{Name: FlowMatch}, {Name: FlowMatch, NumTrainTimesteps: 500}, {Name: DDPM}, {Name: DDPM, BetaSchedule: "squaredcos_cap_v2"},
		{Name: DDPM, BetaSchedule: "scaled_linear", BetaStart: 0.001, BetaEnd: 0.01, PredictionType: "v_prediction", RescaleBetasZeroSNR: true},
	} {
		c.SetDefaults()
		config, ok := c.DiffusersScheduler()
		text, err := json.Marshal(config)
		if !ok || err != nil {
			t.Fatal(c, err)
		}
		again, err := ReadDiffusersScheduler(text)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%s is read as %+v, not %+v (%v)", text, again, c, err)
		}
	}
	cosine := ProcessConfig{Name: FlowMatch, Path: "cosine"}
	if _, ok := cosine.DiffusersScheduler(); ok {
		t.Error("a path that is no line has a scheduler")
	}
}

func TestSchedulersOfDiffusersThatAreOfNoProcessAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"_class_name": "FlowMatchEulerDiscreteScheduler"}`:                                "has no invert_sigmas",
		`{"_class_name": "FlowMatchHeunDiscreteScheduler"}`:                                 "is of no process that is known here",
		`{"_class_name": "DDPMScheduler", "beta_schedule": "linear", "trained_betas": [1]}`: "is of no process that is known here",
		`{"_class_name": "DDPMScheduler", "beta_schedule": "sigmoid"}`:                      "beta_schedule",
		`[]`: "does not hold",
		``:   "does not hold",
	} {
		if _, err := ReadDiffusersScheduler([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", text, err, want)
		}
	}
}
