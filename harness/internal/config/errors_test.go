package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowharness/harness/internal/dataset"
	"flowharness/schedulers"
)

// Every text in this table is a config but for the one thing that is wrong.
func TestOneProblemIsOneMessage(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"misspelt section", "trian: {steps: 10}\ntrain: {steps: 10}", `x.yaml:1:1: trian: unknown key (did you mean "train"?)`},
		{"misspelt key", "train:\n  steps: 10\n  batchsize: 64", `x.yaml:3:3: train.batchsize: unknown key (did you mean "batch_size"?)`},
		{"swapped letters", "train: {setps: 10}", `x.yaml:1:9: train.setps: unknown key (did you mean "steps"?)`},
		{"key of another section", "train: {steps: 10}\nlr: 0.1", `x.yaml:2:1: lr: unknown key (did you mean "train.lr"?)`},
		{"key like no other", "train: {steps: 10}\ncheckpoint: {frequency: 1}",
			`x.yaml:2:14: checkpoint.frequency: unknown key; the keys here are every_steps, every_epochs, keep`},
		{"misspelt key of a sampler", "train: {steps: 10}\nsampling:\n  samplers:\n    - name: euler\n      timestep_inputs: index",
			`x.yaml:5:7: sampling.samplers[0].timestep_inputs: unknown key (did you mean "timestep_input"?)`},
		{"key given twice", "train:\n  steps: 10\n  lr: 0.1\n  lr: 0.2", `x.yaml:4:3: train.lr: is given twice, first in line 3`},
		{"section given twice", "train: {steps: 10}\nseed: 1\ntrain: {lr: 1}", `x.yaml:3:1: train: is given twice, first in line 1`},
		{"list as a key", "train: {steps: 10}\n[1, 2]: 3",
			`x.yaml:2:1: a key must be a plain word, without anchors, tags and merging; inherit with base`},

		{"fraction for a whole number", "train: {steps: 1.5}",
			`x.yaml:1:9: train.steps: must be a whole number, written in digits alone, got 1.5`},
		{"exponent in a whole number", "train: {steps: 1e3}",
			`x.yaml:1:9: train.steps: must be a whole number, written in digits alone, got 1e3`},
		{"quoted number", `train: {steps: "10"}`, `x.yaml:1:9: train.steps: must be a whole number, got the string "10"; remove the quotes`},
		{"word for a number", "train: {steps: ten}", `x.yaml:1:9: train.steps: must be a whole number, got the string "ten"`},
		{"boolean for a number", "train: {steps: true}", `x.yaml:1:9: train.steps: must be a whole number, got true`},
		{"octal number", "seed: 010\ntrain: {steps: 10}", `x.yaml:1:1: seed: must be a plain decimal number, got 010`},
		{"hexadecimal number", "seed: 0x10\ntrain: {steps: 10}", `x.yaml:1:1: seed: must be a plain decimal number, got 0x10`},
		{"number with underscores", "train: {steps: 1_000}", `x.yaml:1:9: train.steps: must be a plain decimal number, got 1_000`},
		{"number beyond 64 bits", "seed: 99999999999999999999999\ntrain: {steps: 10}",
			`x.yaml:1:1: seed: is out of range: 99999999999999999999999`},
		{"seed beyond the store's integers", "seed: 18446744073709551615\ntrain: {steps: 10}",
			`x.yaml:1:1: seed: must be at most 9223372036854775807, got 18446744073709551615`},
		{"negative seed", "seed: -1\ntrain: {steps: 10}", `x.yaml:1:1: seed: must be at least 0, got -1`},
		{"number beyond float64", "train: {steps: 10, lr: 1e999}", `x.yaml:1:20: train.lr: is out of range: 1e999`},
		{"infinite number", "train: {steps: 10, grad_clip: .inf}", `x.yaml:1:20: train.grad_clip: must be a finite number, got .inf`},
		{"not-a-number", "train: {steps: 10, lr: .nan}", `x.yaml:1:20: train.lr: must be a finite number, got .nan`},
		{"word for a boolean", "data: {flip: yes}\ntrain: {steps: 10}", `x.yaml:1:8: data.flip: must be true or false, got the string "yes"`},
		{"quoted boolean", "data: {flip: 'true'}\ntrain: {steps: 10}",
			`x.yaml:1:8: data.flip: must be true or false, got the string "true"; remove the quotes`},
		{"number for a boolean", "data: {flip: 1}\ntrain: {steps: 10}", `x.yaml:1:8: data.flip: must be true or false, got the number 1`},
		{"number for a string", "name: 2024\ntrain: {steps: 10}", `x.yaml:1:1: name: must be a string, got the number 2024; put it in quotes`},
		{"boolean for a string", "notes: true\ntrain: {steps: 10}", `x.yaml:1:1: notes: must be a string, got true; put it in quotes`},
		{"date for a string", "notes: 2024-01-31\ntrain: {steps: 10}",
			`x.yaml:1:1: notes: must be a string, got the date 2024-01-31; put it in quotes`},
		{"scalar for a list", "train: {steps: 10}\nsampling: {steps: 4}",
			`x.yaml:2:12: sampling.steps: must be a list, such as [4], got the number 4`},
		{"mapping for a list", "train: {steps: 10}\nsampling: {steps: {a: 1}}",
			`x.yaml:2:12: sampling.steps: must be a list, such as [1, 2], got a mapping`},
		{"list for a scalar", "train: {steps: [10]}", `x.yaml:1:9: train.steps: must be a whole number, got a list`},
		{"scalar for a section", "train: {steps: 10}\ndata: mnist",
			`x.yaml:2:1: data: must be a mapping of keys to values, got the string "mnist"`},
		{"list for the whole", "- a\n- b", `x.yaml:1:1: must be a mapping of keys to values, got a list`},
		{"text for the whole", "hello", `x.yaml:1:1: must be a mapping of keys to values, got the string "hello"`},
		{"key without a value", "train:\n  steps: 10\n  lr:", `x.yaml:3:3: train.lr: has no value; give it one, or null for the default`},
		{"section without keys", "train: {steps: 10}\ndata:", `x.yaml:2:1: data: is empty; remove it, or put keys below it`},
		{"nothing in a list", "train: {steps: 10}\nsampling: {steps: [4, null]}",
			`x.yaml:2:23: sampling.steps[1]: must be a whole number, got nothing`},
		{"sampler of the wrong kind", "train: {steps: 10}\nsampling: {samplers: [[euler]]}",
			`x.yaml:2:23: sampling.samplers[0]: must be a mapping of keys to values, got a list`},

		{"a beginning that is none", "train: {steps: 10, init_from: a/b}",
			`x.yaml:1:20: train.init_from: "a/b" is neither a run nor a file whose name ends in .safetensors`},
		{"a beginning at no step", "train: {steps: 10, init_from: a@b}",
			`x.yaml:1:20: train.init_from: "b" is not a step: write RUN@STEP, such as brave-otter-42@2000`},
		{"a file in somebody's home", "train: {steps: 10, init_from: ~a/w.safetensors}",
			`x.yaml:1:20: train.init_from: ~a/w.safetensors: the home folders of other users are not looked up: write out the path, or ` +
				`./~a/w.safetensors for a file of that name`},
		{"weights of no beginning", "train: {steps: 10, init_weights: ema}",
			`x.yaml:1:20: train.init_weights: says something about train.init_from, which is not set`},
		{"an average of a file", "train: {steps: 10, init_from: w.safetensors, init_weights: ema}",
			`x.yaml:1:46: train.init_weights: a file has one set of weights; remove it, or name a run in train.init_from`},
		{"counting on from a file", "train: {steps: 10, init_from: w.safetensors, init_step: 5}",
			`x.yaml:1:46: train.init_step: only the whole state of a run can be counted on from`},
		{"nothing left to train", "train: {steps: 10, init_from: a, init_step: 10}",
			`x.yaml:1:34: train.init_step: must be below the 10 steps of the run, got 10: nothing would be left to train`},
		{"alias", "train: &a {steps: 10}\ndata: *a",
			`x.yaml:2:1: data: anchors and aliases are not supported; write the value out, or inherit it with base`},
		{"merge key", "train: {steps: 10}\nmodel:\n  <<: {sample_size: 28}",
			`x.yaml:3:3: model: a key must be a plain word, without anchors, tags and merging; inherit with base`},
		{"tag", "train: {steps: !!float 10}", `x.yaml:1:9: train.steps: tags such as !!float are not supported; remove it`},
		{"second document", "train: {steps: 10}\n---\nseed: 1", `x.yaml:2:1: a second document begins here; a file is a single one`},
		{"tab", "train:\n\tsteps: 10", `x.yaml:2:1: not valid YAML: the line is indented with a tab; use spaces`},
		{"bracket left open", "seed: 1\ntrain: {steps: 1\ndata: {flip: true}", `x.yaml:2:1: not valid YAML: did not find expected ',' or '}'`},
		{"bracket never opened", "seed: 1\ndata:\n  flip: }", `x.yaml:3:3: not valid YAML: did not find expected node content`},
		{"quote left open", "seed: 1\nname: 'x\ntrain: {steps: 1}", `x.yaml:2:1: not valid YAML: found unexpected end of stream`},
		{"two colons", "seed: 1\ntrain: steps: 1", `x.yaml:2:1: not valid YAML: mapping values are not allowed in this context`},
		{"indentation", "seed: 1\ntrain:\n    steps: 1\n   lr: 1", `x.yaml:4:4: not valid YAML: did not find expected key`},
		{"unknown anchor", "seed: 1\ndata: *x", `x.yaml:2:7: not valid YAML: unknown anchor 'x' referenced`},
		{"text that is not UTF-8", "seed: 1\nname: é\xff", `x.yaml:2:8: not valid YAML: the file is not UTF-8 text`},
		{"control character", "seed: 1\nname: a\x01", `x.yaml:2:8: not valid YAML: control characters are not allowed`},
		{"base in a text", "base: fm_mnist.yaml",
			`x.yaml:1:1: base: a config that is not read from a file cannot inherit; use the resolved config`},

		{"misspelt choice", "data: {name: mnsit}\ntrain: {steps: 10}",
			`x.yaml:1:8: data.name: must be one of ` + strings.Join(dataset.Names(), ", ") + `, got "mnsit" (did you mean "mnist"?)`},
		{"choice like no other", "data: {name: imagenet}\ntrain: {steps: 10}",
			`x.yaml:1:8: data.name: must be one of ` + strings.Join(dataset.Names(), ", ") + `, got "imagenet"`},
		{"misspelt sampler", "train: {steps: 10}\nsampling:\n  samplers:\n    - eulr",
			`x.yaml:4:7: sampling.samplers[0]: must be one of ` + strings.Join(schedulers.SamplerNames(""),
				", ") + `, got "eulr" (did you mean "euler"?)`},
		{"sampler without a name", "train: {steps: 10}\nsampling:\n  samplers:\n    - shift: 2", `x.yaml:4:7: sampling.samplers[0]: has no name`},
		{"value below its range", "train: {steps: 0}", `x.yaml:1:9: train.steps: must be at least 1, got 0`},
		{"value above its range", "train: {steps: 10}\ndata: {limit: " +
			"60001}", `x.yaml:2:8: data.limit: must be at most 60000, the number of training images of dataset digits, got 60001`},
		{"value at an open end", "train: {steps: 10, lr: 0}", `x.yaml:1:20: train.lr: must be above 0, got 0`},
		{"value at the other open end", "train: {steps: 10, ema_decay: 1.0}", `x.yaml:1:20: train.ema_decay: must be below 1, got 1.0`},
		{"entry out of range", "train: {steps: 10, betas: [0.9, 1]}", `x.yaml:1:33: train.betas[1]: must be below 1, got 1`},
		{"too few entries", "train: {steps: 10, betas: [0.9]}", `x.yaml:1:20: train.betas: must have 2 entries, has 1`},
		{"negative guidance", "train: {steps: 10}\nsampling: {guidance: [1, -2]}",
			`x.yaml:2:26: sampling.guidance[1]: must be at least 0, got -2`},
		{"empty list", "train: {steps: 10}\nsampling: {samplers: []}", `x.yaml:2:12: sampling.samplers: must not be empty`},
		{"repeated entry", "train: {steps: 10}\nsampling: {steps: [4, 8, 4]}",
			`x.yaml:2:26: sampling.steps[2]: repeats sampling.steps[0], which is 4 too`},
		{"repeated sampler", "train: {steps: 10}\nsampling:\n  samplers:\n    - euler\n    - {name: euler, shift: 1}",
			`x.yaml:5:7: sampling.samplers[1]: repeats sampling.samplers[0]`},
		{"name with odd characters", "name: \"../a b\"\ntrain: {steps: 10}",
			`x.yaml:1:1: name: must be letters, digits and . _ + - only, beginning with a letter or digit, got "../a b"`},
		{"empty name", "name: \"\"\ntrain: {steps: 10}",
			`x.yaml:1:1: name: must be letters, digits and . _ + - only, beginning with a letter or digit, got ""`},
		{"name of great length", "name: " + strings.Repeat("a", 65) + "\ntrain: {steps: 10}",
			`x.yaml:1:1: name: must have at most 64 characters, has 65`},
		{"name that changes the direction of writing", "name: \"a\\u202eb\"\ntrain: {steps: 10}",
			`x.yaml:1:1: name: must be letters, digits and . _ + - only, beginning with a letter or digit, got "a\u202eb"`},
		{"tag with a comma", "tags: [ok, \"a,b\"]\ntrain: {steps: 10}", `x.yaml:1:12: tags[1]: tag "a,b" has a comma in it`},
		{"tag that changes the direction of writing", "tags: [\"a\\u202eb\"]\ntrain: {steps: 10}",
			`x.yaml:1:8: tags[0]: tag "a\u202eb" has a control character in it, or another that cannot be seen`},
		{"empty tag", "tags: [\" \"]\ntrain: {steps: 10}", `x.yaml:1:8: tags[0]: a tag is empty`},
		{"path with a NUL", "store: \"a\\0b\"\ntrain: {steps: 10}", `x.yaml:1:1: store: must not contain control characters, got "a\x00b"`},

		{"no budget", "train: {lr: 0.1}", `x.yaml:1:1: train.epochs: is missing; set train.epochs or train.steps`},
		{"empty file", "# nothing\n", `x.yaml:1:1: train.epochs: is missing; set train.epochs or train.steps`},
		{"two budgets", "train:\n  epochs: 1\n  steps: 10",
			`x.yaml:3:3: train.steps: train.epochs is set too; keep one of them (null drops an inherited one)`},
		{"warm-up as long as the run", "train: {steps: 10, warmup_steps: 10}",
			`x.yaml:1:20: train.warmup_steps: must be below the 10 steps of the run, got 10`},
		{"warm-up longer than the epochs", "data: {limit: 100}\ntrain: {epochs: 2, batch_size: 10, warmup_steps: 30}",
			`x.yaml:2:36: train.warmup_steps: must be below the 20 steps of the run, got 30`},
		{"sampling after the end", "train: {epochs: 2}\nsampling: {at_epochs: [1, 3]}",
			`x.yaml:2:27: sampling.at_epochs[1]: epoch 3 is after the run's last, 2`},
		{"batch larger than the data", "data: {limit: 100}\ntrain: {steps: 10}",
			`x.yaml:1:8: train.batch_size: 256 is more than the 100 training images, so that data.drop_last leaves no batch`},
		{"unknown precision", "backend: {precision: float16}\ntrain: {steps: 10}",
			`x.yaml:1:11: backend.precision: must be one of float32, bfloat16, got "float16" (did you mean "bfloat16"?)`},
		{"plugin for the go backend", "backend: {name: go, plugin: /p.so}\ntrain: {steps: 10}",
			`x.yaml:1:21: backend.plugin: the go backend has no plugins; remove it, or set backend.name to xla:cpu or xla:cuda`},
		{"averaged weights that are not there", "train: {steps: 10}\nsampling: {use_ema: true}",
			`x.yaml:2:12: sampling.use_ema: there are no averaged weights: train.ema_decay is 0`},
		{"guidance without dropped labels", "train: {steps: 10, label_drop: 0}\nsampling: {guidance: [1, 4]}",
			`x.yaml:2:26: sampling.guidance[1]: guidance 4 needs a model that was trained without classes too, but train.label_drop is 0; use 1`},
		{"guidance with all labels dropped", "train: {steps: 10, label_drop: 1}\nsampling: {guidance: [0, 1]}",
			`x.yaml:2:26: sampling.guidance[1]: guidance 1 needs a model that was trained with classes, but train.label_drop is 1; use 0`},
		{"interval the wrong way round", "train: {steps: 10}\nsampling: {guidance_interval: [0.5, 0.5]}",
			`x.yaml:2:12: sampling.guidance_interval: must be [a, b] with a below b, got [0.5, 0.5]`},
		{"size that the levels do not divide", "train: {steps: 10}\nmodel: {sample_size: 28, block_out_channels: [32, 32, 32, 32]}",
			`x.yaml:2:26: model.block_out_channels: 4 levels halve the image 3 times; 28 pixels allow at most 3 levels`},
		{"levels that do not divide the size", "train: {steps: 10}\nmodel: {layers_per_block: 1, block_out_channels: [32, 32, 32, " +
			"32]}", `x.yaml:2:30: model.block_out_channels: 4 levels halve the image 3 times; 28 pixels allow at most 3 levels`},
		{"size that the images do not have", "train: {steps: 10}\nmodel: {sample_size: 32}",
			`x.yaml:2:9: model.sample_size: must be 28 for dataset digits (images are 28×28), got 32; leave it out to have the data's`},
		{"classes that the data does not have", "train: {steps: 10}\nmodel: {num_classes: 10}",
			`x.yaml:2:9: model.num_classes: must be 11 for dataset digits (there are 10 classes and no class), got 10; leave it out to have ` +
				`the data's`},
		{"block types for other levels", "train: {steps: 10}\nmodel: {down_block_types: [DownBlock2D]}",
			`x.yaml:2:9: model.down_block_types: has 1 entries, block_out_channels has 3`},
		{"groups that do not divide", "train: {steps: 10}\nmodel: {block_out_channels: [16, 32]}",
			`x.yaml:2:9: model.block_out_channels: level 0 has 16 channels, which norm_num_groups 32 does not divide`},
		{"unknown block type", "train: {steps: 10}\nmodel: {up_block_types: [AttnUpBlock2D, UpBlock, UpBlock2D]}",
			`x.yaml:2:41: model.up_block_types[1]: must be one of UpBlock2D, AttnUpBlock2D, got "UpBlock" (did you mean "UpBlock2D"?)`},
		{"ddpm sampler of a flow", "process: {name: flow_match}\ntrain: {steps: 10}\nsampling:\n  samplers: [euler, ddpm]",
			`x.yaml:4:21: sampling.samplers[1].name: sampler "ddpm" belongs to process "ddpm", not "flow_match"; use one ` +
				`of: ` + strings.Join(schedulers.SamplerNames("flow_match"), ", ")},
		{"flow sampler of ddpm", "process: {name: ddpm}\ntrain: {steps: 10}\nsampling:\n  samplers:\n    - name: heun",
			`x.yaml:5:7: sampling.samplers[0].name: sampler "heun" belongs to process "flow_match", not "ddpm"; use one of: ddpm, ddim, dpmpp_2m`},
		{"option of another sampler", "train: {steps: 10}\nsampling:\n  samplers:\n    - {name: euler, eta: 1}",
			`x.yaml:4:21: sampling.samplers[0].eta: does not apply to sampler "euler"; remove it`},
		{"option of another process", "process: {name: flow_match, beta_start: 0.1}\ntrain: {steps: 10}",
			`x.yaml:1:29: process.beta_start: does not apply to process "flow_match"; remove it`},
		{"prediction of another process", "process: {name: flow_match, prediction_type: epsilon}\ntrain: {steps: 10}",
			`x.yaml:1:29: process.prediction_type: must be one of velocity, got "epsilon"`},
		{"more sampling steps than timesteps", "process: {num_train_timesteps: 100}\ntrain: {steps: 10}\nsampling: {steps: [50, " +
			"101]}", `x.yaml:3:24: sampling.steps[1]: 101 steps are more than the 100 timesteps of process.num_train_timesteps`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(tc.text), nil)
			if diff := cmp.Diff(tc.want, errorText(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllProblemsOfAFileAreReportedInItsOrder(t *testing.T) {
	const text = `
seed: -3
data: {name: mnist, flp: true, limit: "5"}
process: {name: ddpm}
train:
  epochs: 2.5
  lr: high
  betas: [2, x]
sampling:
  samplers: [euler, {name: ddim, eta: 3}]
  steps: [0, 5000]
unknown_thing: {a: 1}
`
	want := `x.yaml:2:1: seed: must be at least 0, got -3
x.yaml:3:21: data.flp: unknown key (did you mean "flip"?)
x.yaml:3:32: data.limit: must be a whole number, got the string "5"; remove the quotes
x.yaml:6:3: train.epochs: must be a whole number, written in digits alone, got 2.5
x.yaml:7:3: train.lr: must be a number, got the string "high"
x.yaml:8:11: train.betas[0]: must be below 1, got 2
x.yaml:8:14: train.betas[1]: must be a number, got the string "x"
x.yaml:10:14: sampling.samplers[0].name: sampler "euler" belongs to process "flow_match", not "ddpm"; use one of: ddpm, ddim, dpmpp_2m
x.yaml:10:34: sampling.samplers[1].eta: must be at most 1, got 3
x.yaml:11:11: sampling.steps[0]: must be at least 1, got 0
x.yaml:11:14: sampling.steps[1]: 5000 steps are more than the 1000 timesteps of process.num_train_timesteps
x.yaml:12:1: unknown_thing: unknown key; the keys here are base, name, tags, notes, seed, backend, data, model, process, ` +
		`train, sampling, metrics, checkpoint, store`
	_, err := Parse("x.yaml", []byte(text), nil)
	if diff := cmp.Diff(want, errorText(err)); diff != "" {
		t.Error(diff)
	}
}

func TestARefusedValueRaisesNoFollowUps(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"process", "process: {name: dppm}\ntrain: {steps: 10}\nsampling: {samplers: [ddim]}",
			`x.yaml:1:11: process.name: must be one of flow_match, ddpm, got "dppm" (did you mean "ddpm"?)`},
		{"misspelt process key", "process: {nme: ddpm}\ntrain: {steps: 10}\nsampling: {samplers: [ddim]}",
			`x.yaml:1:11: process.nme: unknown key (did you mean "name"?)`},
		{"misspelt section", "proces: {name: ddpm}\ntrain: {steps: 10}\nsampling: {samplers: [ddim]}",
			`x.yaml:1:1: proces: unknown key (did you mean "process"?)`},
		{"channels", "model: {block_out_channels: [a], down_block_types: [DownBlock2D]}\ntrain: {steps: 10}",
			`x.yaml:1:30: model.block_out_channels[0]: must be a whole number, got the string "a"`},
		{"average", "train: {steps: 10, ema_decay: 2}\nsampling: {use_ema: true}", `x.yaml:1:20: train.ema_decay: must be below 1, got 2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(tc.text), nil)
			if diff := cmp.Diff(tc.want, errorText(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOverridesAreCheckedLikeFiles(t *testing.T) {
	const text = "train: {epochs: 2}\nsampling: {samplers: [euler], at_epochs: [1]}"
	for _, tc := range []struct {
		name string
		sets []string
		want string
	}{
		{"misspelt key", []string{"sampling.stps=[4]"}, `--set sampling.stps=[4]: unknown key (did you mean "steps"?)`},
		{"wrong type", []string{"sampling.steps=4"}, `--set sampling.steps=4: must be a list, such as [4], got the number 4`},
		{"entry out of range", []string{"sampling.steps=[4,0]"}, `--set sampling.steps=[4,0]: sampling.steps[1]: must be at least 1, got 0`},
		{"entry of a list", []string{"sampling.steps.0=4"},
			`--set sampling.steps.0=4: sampling.steps: must be a list, such as [1, 2], got a mapping`},
		{"no value", []string{"train.lr="}, `--set train.lr=: has no value; give it one, or null for the default`},
		{"no equals sign", []string{"train.lr"}, `--set train.lr: has no value; write KEY=VALUE, such as train.steps=100`},
		{"nothing at all", []string{""}, `--set "": must be KEY=VALUE, such as train.steps=100`},
		{"no key", []string{"=4"}, `--set =4: the key must be names with dots between them, such as train.steps`},
		{"empty name in a key", []string{"train..lr=4"}, `--set train..lr=4: the key must be names with dots between them, such as train.steps`},
		{"base", []string{"base=x.yaml"}, `--set base=x.yaml: base can only be given in a file`},
		{"comment", []string{"notes=run #3"}, `--set notes=run #3: # begins a comment, which would be lost; put the value in quotes within ` +
			`the shell's`},
		{"comment alone", []string{"notes=#3"}, `--set notes=#3: # begins a comment, which would be lost; put the value in quotes within ` +
			`the shell's`},
		{"invalid YAML", []string{"name=@x"}, `--set name=@x: not valid YAML: found character that cannot start any token; try the value in ` +
			`quotes`},
		{"line break", []string{"notes=a\nb: c"},
			`--set "notes=a\nb: c": not valid YAML: mapping values are not allowed in this context; try the value in quotes`},
		{"several", []string{"train.lr=-1", "seed=x"},
			"--set train.lr=-1: must be above 0, got -1\n--set seed=x: must be a whole number, got the string \"x\""},
		{"contradiction to the file", []string{"process.name=ddpm"},
			`--set process.name=ddpm: sampling.samplers[0].name: sampler "euler" belongs to process "flow_match", not "ddpm"; use one of: ` +
				`ddpm, ddim, dpmpp_2m (sampling.samplers[0].name stands at x.yaml:2:23)`},
		{"contradiction in the override", []string{"sampling.samplers=[ddim]"},
			`--set sampling.samplers=[ddim]: sampling.samplers[0].name: sampler "ddim" belongs to process "ddpm", not "flow_match"; use one ` +
				`of: ` + strings.Join(schedulers.SamplerNames("flow_match"), ", ")},
		{"second budget", []string{"train.steps=10"},
			`--set train.steps=10: train.epochs is set too; keep one of them (null drops an inherited one)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(text), tc.sets)
			if diff := cmp.Diff(tc.want, errorText(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOverridesApplyInTheirOrder(t *testing.T) {
	sets := []string{"train.epochs=null", "train.steps=5", "train.steps=7", "sampling.steps=[4, 16]", "notes='run #3'",
		"sampling.samplers=[{name: euler, timestep_input: index}]", "data={flip: true}"}
	r, err := Parse("x.yaml", []byte("train: {epochs: 2}\ndata: {name: mnist}\nsampling: {at_epochs: [2]}"), sets)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Config
	if c.Train.Epochs != 0 || c.Train.Steps != 7 || c.Notes != "run #3" || c.Data.Name != "mnist" || !c.Data.Flip ||
		c.Sampling.Samplers[0].TimestepInput != "index" || !cmp.Equal(c.Sampling.Steps, []int{4, 16}) {
		t.Errorf("got\n%s", r.YAML)
	}
	if len(c.Sampling.AtEpochs) != 0 {
		t.Errorf("the run of 7 steps is to be sampled after epochs %v, which it does not reach", c.Sampling.AtEpochs)
	}
	if !cmp.Equal(r.Overrides, sets) {
		t.Errorf("overrides are %q", r.Overrides)
	}
}

func TestBaseIsInherited(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"a.yaml": "name: a\ntags: [x, y]\ndata: {name: mnist, flip: true}\ntrain: {epochs: 3, lr: 0.5}\nsampling: {steps: [1, 2, " +
			"3], at_epochs: [3]}",
		"sub/b.yaml":     "base: ../a.yaml\nname: b\ntrain: {lr: 0.25}\nsampling: {steps: [9]}",
		"sub/run 1.yaml": "base: b.yaml\ntags: [z]\ntrain: {epochs: 1}",
	})
	r, err := Load(filepath.Join(dir, "sub/run 1.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Config
	if c.Name != "run-1" {
		t.Errorf("name is %q; it should be that of the file, not inherited", c.Name)
	}
	if c.Data.Name != "mnist" || !c.Data.Flip || c.Train.LR != 0.25 || c.Train.Epochs != 1 || c.Train.BatchSize != 256 ||
		!cmp.Equal(c.Tags, []string{"z"}) || !cmp.Equal(c.Sampling.Steps, []int{9}) || len(c.Sampling.AtEpochs) != 0 {
		t.Errorf("got\n%s", r.YAML)
	}
	if string(r.Source) != "base: b.yaml\ntags: [z]\ntrain: {epochs: 1}" {
		t.Errorf("source is %q", r.Source)
	}
}

func TestProblemsOfFilesNameTheFile(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string // DIR/ stands for the folder
	}{
		{"circle", map[string]string{"x.yaml": "base: y.yaml", "y.yaml": "seed: 1\nbase: sub/../z.yaml", "z.yaml": "base: x.yaml", "sub/n": ""},
			"DIR/z.yaml:1:1: base: files inherit from each other in a circle: DIR/x.yaml → DIR/y.yaml → DIR/z.yaml → DIR/x.yaml"},
		{"itself", map[string]string{"x.yaml": "train: {steps: 1}\nbase: ./x.yaml"},
			"DIR/x.yaml:2:1: base: files inherit from each other in a circle: DIR/x.yaml → DIR/x.yaml"},
		{"missing base", map[string]string{"x.yaml": "seed: 1\nbase: fm_minst.yaml", "fm_mnist.yaml": ""},
			`DIR/x.yaml:2:1: base: cannot read DIR/fm_minst.yaml: no such file or directory (did you mean "DIR/fm_mnist.yaml"?)`},
		{"base that is a folder", map[string]string{"x.yaml": "base: sub", "sub/n": ""},
			"DIR/x.yaml:1:1: base: cannot read DIR/sub: is a directory"},
		{"base of the wrong type", map[string]string{"x.yaml": "base: [a.yaml]\ntrain: {steps: 1}"},
			"DIR/x.yaml:1:1: base: must be a string, got a list"},
		{"empty base", map[string]string{"x.yaml": "base: ''\ntrain: {steps: 1}"}, "DIR/x.yaml:1:1: base: must not be empty"},
		{"missing file", map[string]string{"other.yml": ""}, `cannot read DIR/x.yaml: no such file or directory`},
		{"missing file with a neighbour", map[string]string{"xx.yaml": ""},
			`cannot read DIR/x.yaml: no such file or directory (did you mean "DIR/xx.yaml"?)`},
		{"file of great size", map[string]string{"x.yaml": strings.Repeat("#", 2<<20)},
			"cannot read DIR/x.yaml: is larger than 1048576 bytes; is this a config?"},
		{"problems in both", map[string]string{"x.yaml": "base: y.yaml\nseed: -1", "y.yaml": "train: {stepps: 1}"},
			"DIR/y.yaml:1:9: train.stepps: unknown key (did you mean \"steps\"?)\nDIR/x.yaml:2:1: seed: must be at least 0, got -1"},
		{"broken base", map[string]string{"x.yaml": "base: y.yaml", "y.yaml": "a: b: c"},
			"DIR/y.yaml:1:1: not valid YAML: mapping values are not allowed in this context"},
		{"contradiction across files", map[string]string{"x.yaml": "base: y.yaml\nprocess: {name: ddpm}",
			"y.yaml": "train: {steps: 1}\nsampling: {samplers: [heun]}"},
			`DIR/x.yaml:2:11: sampling.samplers[0].name: sampler "heun" belongs to process "flow_match", not "ddpm"; use one of: ddpm, ddim, ` +
				`dpmpp_2m (sampling.samplers[0].name stands at DIR/y.yaml:2:23)`},
		{"problem in a base that is overridden", map[string]string{"x.yaml": "base: y.yaml\ntrain: {steps: 1}", "y.yaml": "train: {steps: x}"},
			"DIR/y.yaml:1:9: train.steps: must be a whole number, got the string \"x\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := writeFiles(t, tc.files)
			_, err := Load(filepath.Join(dir, "x.yaml"), nil)
			if diff := cmp.Diff(tc.want, strings.ReplaceAll(errorText(err), dir+"/", "DIR/")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCircleThroughALinkIsFound(t *testing.T) {
	dir := writeFiles(t, map[string]string{"x.yaml": "base: link.yaml"})
	if err := os.Symlink("x.yaml", filepath.Join(dir, "link.yaml")); err != nil {
		t.Skip(err)
	}
	_, err := Load(filepath.Join(dir, "x.yaml"), nil)
	if !strings.Contains(errorText(err), "in a circle: ") {
		t.Errorf("got %v", err)
	}
}

func TestDeepNestingIsAnError(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("[", 100_000),
		"seed: " + strings.Repeat("{a: ", 5000) + strings.Repeat("}", 5000),
		strings.Repeat("- ", 100_000),
	} {
		if _, err := Parse("x.yaml", []byte(text), nil); err == nil {
			t.Errorf("%.20s… is accepted", text)
		}
	}
}

// writeFiles makes a folder of files.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
