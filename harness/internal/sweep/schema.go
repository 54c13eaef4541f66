package sweep

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/invopop/jsonschema"

	"flowharness/harness/internal/search"
)

// Schema returns the JSON Schema (draft 2020-12) of a sweep file, for editors to complete
// and check with. A file that passes it may still be refused: a schema cannot say, for
// example, that no config path is varied twice.
func Schema() ([]byte, error) {
	s := newSchema()
	s.Version = jsonschema.Version
	s.Title = "harness sweep"
	s.Description = "A sweep: the config that is varied, and what is varied about it."
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the JSON Schema: %w", err)
	}
	return append(text, '\n'), nil
}

// newSchema describes every key that [Parse] reads. A test holds the two together.
func newSchema() *jsonschema.Schema {
	return section("", []string{"base"}, []field{
		{"name", text("What the sweep is called. Default: the file's name without its extension.")},
		{"base", text("The config that is varied, relative to this file.")},
		{"matrix", described(paths(list(anyValue())), "Config paths with their values: every value is combined with every other.")},
		{"zip", described(either(paths(list(anyValue())), list(paths(list(anyValue())))),
			"Config paths with their values: those of the same position go together. A list of mappings for several zips.")},
		{"include", described(list(paths(anyValue())),
			"Values that are added to the combinations they fit to, or else are combinations of their own.")},
		{"exclude", described(list(paths(anyValue())), "Combinations that are left out: those that have all values of an entry.")},
		{"search", searchSchema()},
		{"seeds", described(unique(list(whole("", 0, math.MaxInt64))),
			"Seeds that each combination is run with. Default: the seed of the base.")},
		{"retries", whole("How often a failed run is tried again. Default: 0.", 0, maxRetries)},
		{"launcher", choice("Who makes the runs: processes on this machine, or job arrays of a cluster. "+
			"Default: "+LauncherLocal+".", Launchers()...)},
		{"jobs", whole("How many runs are made at once. Default: 0, the launcher's choice.", 0, maxJobs)},
		{"calibrate", boolean("Whether a fixed amount of work is timed beside every training, so that speeds of different machines can be " +
			"compared. Default: false.")},
		{"slurm", section("What sbatch is asked for; what is left out is the cluster's choice.", nil, []field{
			{"partition", text("Partition to submit to.")},
			{"account", text("Account to charge.")},
			{"time", text("Time limit of one task, such as 02:00:00.")},
			{"gpus", whole("GPUs of one task.", 0, math.MaxInt32)},
			{"cpus", whole("CPU cores of one task.", 0, math.MaxInt32)},
			{"memory", text("Memory of one task, such as 16G.")},
			{"array_size", whole("The most tasks of one array. Default: the cluster's limit.", 1, math.MaxInt32)},
			{"extra", described(list(text("")), "Further flags of sbatch, such as --constraint=a100.")},
		})},
		{"compare", section("How the runs are compared at the end; see harness compare.", nil, []field{
			{"group_by", described(list(text("")), "Config paths whose values make a group. Default: everything but the seed.")},
			{"metrics", described(list(text("")), "Metrics that are compared. Default: those that the runs have.")},
			{"sampler", text("Compare drawings of this sampler alone.")},
			{"steps", whole("Compare drawings of this many sampling steps alone.", 0, math.MaxInt32)},
			{"guidance", described(&jsonschema.Schema{Type: "number"}, "Compare drawings of this guidance scale alone.")},
			{"fail_if", described(list(text("")), "Conditions under which the sweep fails, such as accuracy < baseline.")},
		})},
	})
}

func searchSchema() *jsonschema.Schema {
	number := func(about string) *jsonschema.Schema { return described(&jsonschema.Schema{Type: "number"}, about) }
	interval := section("A range of numbers, with both ends.", []string{"min", "max"}, []field{
		{"min", number("The least value.")},
		{"max", number("The largest value.")},
		{"integer", boolean("Whether values are whole numbers. Default: false.")},
		{"log", boolean("Whether values are uniform in their logarithm; min is above 0 then. Default: false.")},
	})
	choices := list(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}, {Type: "null"}}})
	choices.MinItems = count(2)
	return section("A hyperparameter search, in place of matrix, zip and include.", []string{"budget", "space", "objective"}, []field{
		{"method", choice("How trials are chosen: "+search.Sobol+" points cover the space "+
			"evenly, "+search.Random+" ones are independent. Default: "+
			search.Sobol+".", search.Sobol, search.Random)},
		{"budget", whole("Number of trials; powers of two suit "+search.Sobol+" best.", 1, search.MaxBudget)},
		{"seed", whole("Seed of the choice of trials. Default: 0.", 0, math.MaxInt64)},
		{"space", described(paths(either(interval, choices)),
			"Config paths with a range, such as {min: 1e-4, max: 1e-2, log: true}, or a list of choices.")},
		{"objective", section("What the search is about.", []string{"metric", "goal"}, []field{
			{"metric", text("A metric as comparisons name it, such as val/loss.")},
			{"goal", choice("Which values are better.", search.Minimize, search.Maximize)},
		})},
		{"stopping", section("When trials that fall behind are stopped. Default: never.", []string{"rule", "min_steps"}, []field{
			{"rule", choice("How it is decided.", search.SuccessiveHalving, search.Median)},
			{"min_steps", whole("Steps before the first decision.", 1, math.MaxInt64)},
			{"reduction_factor", whole(search.SuccessiveHalving+": one trial in this many goes on at each decision.", 2, math.MaxInt64)},
			{"every_steps", whole(search.Median+": steps between decisions.", 1, math.MaxInt64)},
		})},
	})
}

// field is a key of a section.
type field struct {
	name   string
	schema *jsonschema.Schema
}

func section(about string, required []string, fields []field) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Description: about, Required: required, AdditionalProperties: jsonschema.FalseSchema,
		Properties: jsonschema.NewProperties()}
	for _, f := range fields {
		s.Properties.Set(f.name, f.schema)
	}
	return s
}

// paths is a mapping of config paths to values of one kind.
func paths(value *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: value, MinProperties: count(1),
		PropertyNames: &jsonschema.Schema{Pattern: pathPattern.String()}}
}

func list(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: item, MinItems: count(1)}
}

func unique(s *jsonschema.Schema) *jsonschema.Schema {
	s.UniqueItems = true
	return s
}

func either(first, second *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{first, second}}
}

func anyValue() *jsonschema.Schema { return &jsonschema.Schema{} }

// text is a word; a number stands for itself, as it is written.
func text(about string) *jsonschema.Schema {
	return &jsonschema.Schema{Description: about, Extras: map[string]any{"type": []string{"string", "number"}}}
}

func boolean(about string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "boolean", Description: about}
}

func choice(about string, words ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string", Description: about}
	for _, word := range words {
		s.Enum = append(s.Enum, word)
	}
	return s
}

func whole(about string, least, most int64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Description: about, Minimum: integer(least), Maximum: integer(most)}
}

func described(s *jsonschema.Schema, about string) *jsonschema.Schema {
	s.Description = about
	return s
}

func count(n uint64) *uint64 { return &n }

func integer(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
