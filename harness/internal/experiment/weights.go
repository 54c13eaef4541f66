package experiment

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/label"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/models/nn"
	"flowharness/models/safetensors"
)

// ImportWeights records a run that was trained elsewhere: the network of a config,
// or of a recorded run, with the weights of a safetensors file. It is finished, has
// no updates and no series, and can be drawn from, measured and begun with as any
// other.
func ImportWeights(ctx context.Context, cfg *config.Resolved, file, name string, o Options) (*store.Run, error) {
	if from, err := config.ParseOrigin(file); err != nil || from.File == "" {
		return nil, fmt.Errorf("%s: the name of a file of weights ends in .safetensors", file)
	}
	if name == "" {
		name = label.Fit(nameWithoutExtension(file))
	}
	named := *cfg
	named.Config.Name = name
	named.Config.Train.InitFrom, named.Config.Train.InitWeights, named.Config.Train.InitStep = file, "", 0
	bound, b, err := findBeginning(ctx, nil, &named)
	if err != nil {
		return nil, err
	}
	code, err := machine.CodeVersion()
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, o.StorePath)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	n := newRun(bound, code, o.Argv)
	n.Environment = Environment{Machine: machine.Collect(ctx), Git: machine.CollectGit(ctx, ".")}
	run, err := st.CreateRun(ctx, n)
	if err != nil {
		return nil, err
	}
	writer, err := st.OpenWriter(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	status, reason := record.StatusFinished, ""
	writer.Log("info", "the weights are those of "+file)
	saveErr := b.save(o.StorePath, bound, run)
	if saveErr != nil {
		status, reason = record.StatusFailed, saveErr.Error()
	}
	if err := writer.Finish(context.WithoutCancel(ctx), status, reason); err != nil {
		return nil, err
	}
	if saveErr != nil {
		return nil, saveErr
	}
	return st.Run(ctx, run.ID)
}

// RecordedConfig is the config of a run, to be used again.
func RecordedConfig(ctx context.Context, storePath, ref string) (*config.Resolved, error) {
	st, _, cfg, err := lookUpToRead(ctx, storePath, ref)
	if err != nil {
		return nil, err
	}
	return cfg, st.Close()
}

// ExportedWeights is a state dict of a run, by PyTorch's names.
type ExportedWeights struct {
	Run     *store.Run
	Step    int
	EMA     bool
	Tensors map[string]safetensors.Tensor
}

// Metadata says in a file where its weights are from.
func (w ExportedWeights) Metadata() map[string]string {
	kind := config.InitRaw
	if w.EMA {
		kind = config.InitEMA
	}
	return map[string]string{"format": "pt", "run": w.Run.ID, "name": w.Run.Name, "step": strconv.Itoa(w.Step), "weights": kind}
}

// ExportWeights reads the weights of a run at RUN or RUN@STEP, their average if it
// is asked for.
func ExportWeights(ctx context.Context, storePath, ref string, average bool) (ExportedWeights, error) {
	var w ExportedWeights
	from, err := config.ParseOrigin(ref)
	if err != nil {
		return w, err
	}
	st, run, cfg, err := lookUpToRead(ctx, storePath, from.Run)
	if err != nil {
		return w, err
	}
	defer st.Close()
	model, err := cfg.Config.Network()
	if err != nil {
		return w, err
	}
	b := beginning{layout: model.Layout()}
	from.Run = run.ID
	if err := b.ofRun(ctx, st, &from, nil); err != nil {
		return w, err
	}
	if average && b.state.EMA == nil {
		return w, fmt.Errorf("run %s keeps no averaged weights (train.ema_decay is 0)", run.Slug)
	}
	flat, ema := b.state.Weights(average)
	w = ExportedWeights{Run: run, Step: from.Step, EMA: ema, Tensors: b.layout.StateDict(flat)}
	maps.Copy(w.Tensors, b.layout.Constants()) // what load_state_dict(strict=True) asks for
	return w, nil
}

// fileWeights reads weights to draw from that a user has named. Where they are not
// a checkpoint of the run itself, what is drawn is to say which file they are of.
func fileWeights(path string, layout nn.Layout, run *store.Run) (*checkpoint.State, error) {
	state, err := checkpoint.LoadWeights(path, layout, run.ConfigHash)
	if err != nil || state.Meta[checkpoint.MetaRunID] == run.ID {
		return state, err
	}
	state.File = filepath.Base(path)
	state.FileSHA256, err = files.SHA256(path)
	return state, err
}

func nameWithoutExtension(path string) string {
	base := filepath.Base(path)
	return base[:len(base)-len(filepath.Ext(base))]
}
