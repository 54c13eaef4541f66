package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/label"
	"flowharness/harness/internal/store"
	"flowharness/models"
	"flowharness/models/safetensors"
	"flowharness/schedulers"
)

// What lies beside a model of diffusers: its scheduler, and the config of the run that it was.
const (
	schedulerFile = "scheduler_config.json"
	configFile    = "harness.yaml"
)

// DiffusersFolder is what [ExportDiffusers] has written.
type DiffusersFolder struct {
	Weights ExportedWeights
	Class   string   // of the model
	Files   []string // in the order of their names
}

// ExportDiffusers writes the network of a run, at RUN or RUN@STEP, as a folder that diffusers opens. average says whether the
// averaged weights are meant; nil is what the run draws from. The folder must not exist, or be empty.
func ExportDiffusers(ctx context.Context, storePath, ref string, average *bool, dir string) (DiffusersFolder, error) {
	var done DiffusersFolder
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return done, fmt.Errorf("%s is not empty: name a folder that does not exist yet", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	from, err := config.ParseOrigin(ref)
	if err != nil {
		return done, err
	}
	cfg, err := RecordedConfig(ctx, storePath, from.Run)
	if err != nil {
		return done, err
	}
	c := cfg.Config
	if average == nil {
		draws := c.Sampling.UseEMA && c.Train.EMADecay > 0
		average = &draws
	}
	if done.Weights, err = ExportWeights(ctx, storePath, ref, *average); err != nil {
		return done, err
	}
	model, ok := c.Diffusers(done.Weights.Tensors)
	if !ok {
		return done, fmt.Errorf("run %s is of a %s, which diffusers has no model of; its weights can be exported as a state dict",
			done.Weights.Run.Slug, c.Model.Name)
	}
	done.Class = model.Class
	content := map[string][]byte{configFile: cfg.YAML}
	if content[models.DiffusersConfigFile], err = indented(model.Config); err != nil {
		return done, err
	}
	if scheduler, ok := c.Process.DiffusersScheduler(); ok {
		if content[schedulerFile], err = indented(scheduler); err != nil {
			return done, err
		}
	}
	for name, tensors := range map[string]map[string]safetensors.Tensor{
		models.DiffusersWeightsFile: model.Tensors, models.DiffusersBesideFile: model.Beside} {
		if len(tensors) == 0 {
			continue
		}
		var data bytes.Buffer
		if err := safetensors.EncodeAs(&data, safetensors.F32, tensors, done.Weights.Metadata()); err != nil {
			return done, err
		}
		content[name] = data.Bytes()
	}
	for name := range content {
		done.Files = append(done.Files, name)
	}
	slices.Sort(done.Files)
	return done, writeFolder(dir, content)
}

func indented(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// writeFolder writes a folder that appears with all of its files.
func writeFolder(dir string, content map[string][]byte) error {
	target, err := files.Resolve(dir)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", dir, files.Reason(err))
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	for name, data := range content {
		if err := files.Write(filepath.Join(temp, name), data); err != nil {
			return err
		}
	}
	if err := files.Place(temp, target); err != nil {
		return fmt.Errorf("writing %s: %w", dir, files.Reason(err))
	}
	return nil
}

// ImportDiffusers records a run of a model of diffusers in a folder: one of [ExportDiffusers], of save_pretrained, or a
// pipeline with the folders unet and scheduler. data is the dataset that it draws the like of; "" is that of the run it was
// exported from. sets override the config that follows from the folder.
func ImportDiffusers(ctx context.Context, dir, data, name string, sets []string, o Options) (*store.Run, error) {
	model, scheduler := dir, filepath.Join(dir, schedulerFile)
	if !exists(filepath.Join(dir, models.DiffusersConfigFile)) && exists(filepath.Join(dir, "unet", models.DiffusersConfigFile)) {
		model, scheduler = filepath.Join(dir, "unet"), filepath.Join(dir, "scheduler", schedulerFile)
	}
	weights := filepath.Join(model, models.DiffusersWeightsFile)
	if !exists(weights) {
		return nil, noWeights(model)
	}
	if data != "" {
		sets = append([]string{"data.name=" + strconv.Quote(data)}, sets...)
	}
	cfg, err := diffusersConfig(model, scheduler, sets)
	if err != nil {
		return nil, err
	}
	if name == "" {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		name = label.Fit(filepath.Base(absolute))
	}
	return ImportWeights(ctx, cfg, weights, name, o)
}

// noWeights says what is there instead of the weights.
func noWeights(dir string) error {
	missing := fmt.Errorf("%s holds no %s", dir, models.DiffusersWeightsFile)
	switch {
	case exists(filepath.Join(dir, models.DiffusersWeightsFile+".index.json")):
		return fmt.Errorf("%w but parts of it; save the model in one file (save_pretrained with a larger max_shard_size)", missing)
	case exists(filepath.Join(dir, "diffusion_pytorch_model.bin")):
		return fmt.Errorf("%w but diffusion_pytorch_model.bin, which is not read because it can hold programs; "+
			"save the model anew (save_pretrained with safe_serialization)", missing)
	}
	return missing
}

// diffusersConfig is the config of the run that a folder was exported from, or else what its files say.
func diffusersConfig(model, scheduler string, sets []string) (*config.Resolved, error) {
	own := filepath.Join(model, configFile)
	text, err := os.ReadFile(own)
	if err == nil {
		again := append([]string{"train.init_weights=null", "train.init_sha256=null", "train.init_step=null"}, sets...)
		cfg, err := config.Parse(own, text, again)
		if err == nil {
			lookElsewhere(&cfg.Config.Data)
		}
		return cfg, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !slices.ContainsFunc(sets, func(set string) bool { return strings.HasPrefix(set, "data.name=") }) {
		return nil, fmt.Errorf("%s does not say which images the model draws: name their dataset with --data", model)
	}
	path := filepath.Join(model, models.DiffusersConfigFile)
	if text, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	beside, _, err := safetensors.Read(filepath.Join(model, models.DiffusersBesideFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	network, err := models.ReadDiffusers(text, beside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	section, err := differences(network)
	if err != nil {
		return nil, err
	}
	made := map[string]any{"model": section, "train": map[string]int{"steps": 1}}
	switch text, err = os.ReadFile(scheduler); {
	case err == nil:
		process, err := schedulers.ReadDiffusersScheduler(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scheduler, err)
		}
		made["process"] = process
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case !slices.ContainsFunc(sets, func(set string) bool { return strings.HasPrefix(set, "process.name=") }):
		return nil, fmt.Errorf("%s holds no %s, which would say what the model predicts: say it with --set process.name=…",
			filepath.Dir(scheduler), schedulerFile)
	}
	if text, err = yaml.Marshal(made); err != nil {
		return nil, err
	}
	return config.Parse("the config that follows from "+path, text, sets)
}

// differences is the section model without what is there by default, or follows from the data.
func differences(network models.Config) (map[string]any, error) {
	var sections [2]map[string]any
	for i, c := range []models.Config{network, models.NewConfig(network.Name)} {
		text, err := yaml.Marshal(c)
		if err == nil {
			err = yaml.Unmarshal(text, &sections[i])
		}
		if err != nil {
			return nil, err
		}
	}
	for key, value := range sections[1] {
		if reflect.DeepEqual(sections[0][key], value) {
			delete(sections[0], key)
		}
	}
	sections[0]["name"] = network.Name
	return sections[0], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
