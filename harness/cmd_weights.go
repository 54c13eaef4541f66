package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/experiment"
	"flowharness/harness/internal/files"
	"flowharness/harness/internal/label"
	"flowharness/models/safetensors"
)

func newWeightsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "weights", Short: "Take weights out of a run, or make a run of weights",
		Example: "  harness weights export brave-otter-42 unet.safetensors --ema\n  harness weights import configs/fm_mnist.yaml " +
			"theirs.safetensors",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWeightsExportCommand(a), newWeightsImportCommand(a))
	return cmd
}

// dtypes are the types of values by the names that PyTorch has for them.
var dtypes = map[string]safetensors.DType{"float32": safetensors.F32, "float16": safetensors.F16, "bfloat16": safetensors.BF16}

const dtypeNames = "float32, float16 or bfloat16"

type weightsExportOptions struct {
	*app
	ema   bool
	dtype string
	force bool
}

func newWeightsExportCommand(a *app) *cobra.Command {
	o := &weightsExportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "export RUN[@STEP] FILE",
		Short: "Write a run's weights as a plain state dict",
		Long: `Write the weights of a run's latest checkpoint, or of that of STEP, to a
safetensors FILE, under the names and in the layouts that PyTorch has for them: in
Python, model.load_state_dict(safetensors.torch.load_file(FILE)).`,
		Example: "  harness weights export @1 unet.safetensors\n  harness weights export brave-otter-42@2000 ema.safetensors --ema --dtype " +
			"bfloat16",
		Args: exactly(2, "a RUN and a FILE"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return a.completeRuns(cmd, args, toComplete)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	cmd.Flags().BoolVar(&o.ema, "ema", false, "the averaged weights")
	cmd.Flags().StringVar(&o.dtype, "dtype", "float32", "type of the values: "+dtypeNames)
	addForce(cmd, &o.force)
	_ = cmd.RegisterFlagCompletionFunc("dtype", cobra.FixedCompletions([]string{"float32", "float16", "bfloat16"},
		cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *weightsExportOptions) run(cmd *cobra.Command, ref, path string) error {
	dtype, ok := dtypes[o.dtype]
	if !ok {
		return usagef("--dtype must be %s, got %q", dtypeNames, o.dtype)
	}
	path, err := files.Expand(path)
	if err != nil {
		return usagef("%w", err)
	}
	out := outFile{path, files.Weights, o.force}
	if err := out.check(); err != nil {
		return err
	}
	w, err := experiment.ExportWeights(cmd.Context(), o.storePath(""), ref, o.ema)
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if err := safetensors.EncodeAs(&data, dtype, w.Tensors, w.Metadata()); err != nil {
		return err
	}
	if err := out.write(data.Bytes()); err != nil {
		return err
	}
	what := "weights"
	if w.EMA {
		what = "averaged weights"
	}
	fmt.Fprintf(o.err, "%s: %s of run %s after step %d, %d tensors as %s\n", path, what, w.Run.Slug, w.Step, len(w.Tensors), o.dtype)
	return nil
}

type weightsImportOptions struct {
	*app
	name string
	sets []string
}

func newWeightsImportCommand(a *app) *cobra.Command {
	o := &weightsImportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "import RUN|CONFIG FILE",
		Short: "Make a run of weights that were trained elsewhere",
		Long: `Record a new run of the network that a CONFIG file or a recorded RUN describes,
with the weights of a safetensors FILE: a state dict as PyTorch saves it, whose
names may begin with module. or _orig_mod., of float32, float16 or bfloat16. The
run is finished and has trained nothing; sample, evaluate, compare and run --from
take it like any other. The FILE's path and the SHA-256 of the weights are in its
config, as train.init_from and train.init_sha256.`,
		Example: "  harness weights import configs/fm_mnist.yaml theirs.safetensors --name theirs\n  harness weights import brave-otter-42 " +
			"swa.safetensors",
		Args: exactly(2, "a RUN or CONFIG, and a FILE"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return []string{"safetensors"}, cobra.ShellCompDirectiveFilterFileExt
			}
			return a.completeRuns(cmd, args, toComplete)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	cmd.Flags().StringVar(&o.name, "name", "", "name of the run (default: the file's, without its extension)")
	cmd.Flags().StringArrayVar(&o.sets, "set", nil, "override a value of the CONFIG: path=value (repeatable)")
	return cmd
}

func (o *weightsImportOptions) run(cmd *cobra.Command, of, path string) error {
	path, err := files.Expand(path)
	if err != nil {
		return usagef("%w", err)
	}
	if o.name != "" {
		if o.name, err = label.Name(o.name); err != nil {
			return usagef("--name: %w", err)
		}
	}
	cfg, err := o.config(cmd, of)
	if err != nil {
		return err
	}
	run, err := experiment.ImportWeights(cmd.Context(), cfg, path, o.name,
		experiment.Options{StorePath: o.storePath(cfg.Config.Store), Argv: o.argv})
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s\n", run.Slug)
	fmt.Fprintf(o.err, "run %s (%s) has the weights of %s; to draw from it, type: harness sample %s\n", run.Slug,
		clean(run.Name), path, run.Slug)
	return nil
}

// config reads the config that says which network the weights are of.
func (o *weightsImportOptions) config(cmd *cobra.Command, of string) (*config.Resolved, error) {
	isFile := slices.ContainsFunc([]string{".yaml", ".yml"}, func(ext string) bool { return strings.HasSuffix(of, ext) })
	if _, err := os.Stat(of); isFile || err == nil && !strings.HasPrefix(of, "@") {
		return config.Load(of, o.sets)
	}
	if len(o.sets) > 0 {
		return nil, usagef("--set changes a CONFIG file; the config of run %s is what it was trained with", of)
	}
	return experiment.RecordedConfig(cmd.Context(), o.storePath(""), of)
}
