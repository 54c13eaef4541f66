package config

import (
	"fmt"
	"strconv"
	"strings"

	"flowharness/harness/internal/files"
)

// Values of train.init_weights.
const (
	InitRaw = "raw" // a run's weights as trained
	InitEMA = "ema" // their average
)

// Latest is the step of an [Origin] that names none.
const Latest = -1

// Origin is what train.init_from names: a file, or a run at a step.
type Origin struct {
	File string // "" if it is a run
	Run  string // as the user refers to it
	Step int    // [Latest]: of its latest checkpoint
}

// ParseOrigin reads FILE.safetensors, RUN or RUN@STEP. (A run can be @1, the
// latest one, and so @1@500 is that one's step 500.)
func ParseOrigin(text string) (Origin, error) {
	if strings.HasSuffix(text, ".safetensors") {
		path, err := files.Expand(text)
		return Origin{File: path, Step: Latest}, err
	}
	o := Origin{Run: text, Step: Latest}
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		step, err := strconv.Atoi(text[at+1:])
		if err != nil || step < 0 {
			return o, fmt.Errorf("%q is not a step: write RUN@STEP, such as brave-otter-42@2000", text[at+1:])
		}
		o.Run, o.Step = text[:at], step
	}
	if strings.ContainsAny(o.Run, "/ \t") || o.Run == "" {
		return o, fmt.Errorf("%q is neither a run nor a file whose name ends in .safetensors", text)
	}
	return o, nil
}

func (o Origin) String() string {
	switch {
	case o.File != "":
		return o.File
	case o.Step == Latest:
		return o.Run
	}
	return o.Run + "@" + strconv.Itoa(o.Step)
}

// WithInit is the config once it is known what its run begins with: what that is
// exactly, and the SHA-256 of the weights, which the hash counts.
func (r *Resolved) WithInit(from Origin, sha256 string) (*Resolved, error) {
	found := *r
	found.Config.Train.InitFrom, found.Config.Train.InitSHA256 = from.String(), sha256
	var err error
	if found.YAML, err = found.Config.yaml(); err != nil {
		return nil, err
	}
	found.Hash, err = found.Config.hash()
	return &found, err
}

// init checks the keys that say what training begins with.
func (v *validator) init() {
	c := &v.config.Train
	if c.InitFrom == "" {
		for _, key := range []struct {
			name string
			set  bool
		}{{"train.init_weights", c.InitWeights != ""}, {"train.init_sha256", c.InitSHA256 != ""}, {"train.init_step", c.InitStep > 0}} {
			if key.set {
				v.fail(key.name, []string{"train.init_from"}, "says something about train.init_from, which is not set")
			}
		}
		return
	}
	from, err := ParseOrigin(c.InitFrom)
	switch {
	case err != nil:
		v.fail("train.init_from", nil, "%v", err)
		return
	case from.File != "" && c.InitWeights == InitEMA:
		v.fail("train.init_weights", []string{"train.init_from"}, "a file has one set of weights; remove it, or name a run in train.init_from")
	case c.InitStep > 0 && (from.File != "" || c.InitWeights == InitEMA):
		v.fail("train.init_step", []string{"train.init_from", "train.init_weights"}, "only the whole state of a run can be counted on from")
	}
	c.InitFrom = from.String()
	if steps := v.config.Steps(); c.InitStep > 0 && c.InitStep >= steps && steps > 0 {
		v.fail("train.init_step", []string{"train.steps", "train.epochs", "train.batch_size", "data.limit"},
			"must be below the %d steps of the run, got %d: nothing would be left to train", steps, c.InitStep)
	}
}
