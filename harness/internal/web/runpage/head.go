package runpage

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/progress"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// headView is the top of a run's page.
type headView struct {
	progress.Progress
	Duration     time.Duration
	TrainedBy    string // slug of the run that the weights are of; "" if its own
	BegunFrom    string // slug of the run whose weights training began with; "" if it has no parent
	Commands     []commandLine
	Older, Newer string // slugs of the runs of the same name before and after
	Seeds        []sibling
	CompareSeeds string // address; "" without others
}

// commandLine is one that a user can copy.
type commandLine struct{ What, Line string }

// sibling is a run that differs in its seed alone.
type sibling struct {
	Slug   string
	Seed   uint64
	Status record.Status
}

// maxSiblings bounds how many runs of a name are looked at.
const maxSiblings = 200

// slugOf names a run by its id, which stays what it is where the run is not there.
func (s *Pages) slugOf(ctx context.Context, id string) string {
	if id == "" {
		return ""
	}
	if run, err := s.Store.Run(ctx, id); err == nil {
		return run.Slug
	}
	return id
}

func (s *Pages) readHead(ctx context.Context, run *store.Run) (v headView, err error) {
	if v.Progress, err = s.liveProgress(ctx, run); err != nil {
		return v, err
	}
	v.Duration = runDuration(run.RunInfo)
	v.TrainedBy, v.BegunFrom = s.slugOf(ctx, run.TrainedBy), s.slugOf(ctx, run.Parent)
	v.Commands = reproduce(run)
	named, err := s.Store.ListRuns(ctx, store.Filter{Name: globOf(run.Name), Limit: maxSiblings})
	if err != nil {
		return v, err
	}
	at := slices.IndexFunc(named, func(r store.RunInfo) bool { return r.ID == run.ID })
	if at > 0 {
		v.Newer = named[at-1].Slug
	}
	if at >= 0 && at+1 < len(named) {
		v.Older = named[at+1].Slug
	}
	v.Seeds = seedSiblings(run, named)
	if len(v.Seeds) > 0 {
		query := url.Values{"run": {run.Slug}}
		for _, other := range v.Seeds {
			query.Add("run", other.Slug)
		}
		v.CompareSeeds = "/compare?" + query.Encode()
	}
	return v, nil
}

// runDuration is the time from the start of the process that trained last to the
// run's end, or its last sign of life.
func runDuration(run store.RunInfo) time.Duration {
	end := run.EndedAt
	if end.IsZero() {
		end = run.HeartbeatAt
	}
	return end.Sub(run.StartedAt)
}

// seedSiblings are the runs of the same name whose config differs from this one's
// in the seed alone: with its seed, this config would have their hash.
func seedSiblings(run *store.Run, named []store.RunInfo) []sibling {
	hashes := map[uint64]string{run.Seed: run.ConfigHash}
	var list []sibling
	for _, other := range named {
		if other.Seed == run.Seed {
			continue
		}
		hash, known := hashes[other.Seed]
		if !known && len(hashes) <= 16 {
			resolved, err := config.Parse(run.Slug, []byte(run.ResolvedYAML), []string{"seed=" + strconv.FormatUint(other.Seed, 10)})
			if err != nil {
				return nil // a config of an older program, which cannot be read any more
			}
			hash = resolved.Hash
			hashes[other.Seed] = hash
		}
		if hash == other.ConfigHash {
			list = append(list, sibling{other.Slug, other.Seed, other.Status})
		}
	}
	slices.SortStableFunc(list, func(a, b sibling) int {
		switch {
		case a.Seed < b.Seed:
			return -1
		case a.Seed > b.Seed:
			return 1
		}
		return 0
	})
	return list
}

// reproduce are the commands that make the run again.
func reproduce(run *store.Run) []commandLine {
	var list []commandLine
	if len(run.Argv) > 0 {
		list = append(list, commandLine{"made by", shell.ShellLine(run.Argv)})
	}
	file := run.Slug + ".yaml"
	return append(list,
		commandLine{"make again", fmt.Sprintf("harness show %s --config > %s && harness run %s",
			printable.ShellWord(run.Slug), printable.ShellWord(file), printable.ShellWord(file))},
		commandLine{"check that it is the same", "harness verify " + printable.ShellWord(run.Slug)})
}

// globOf is a pattern that fits a name and nothing else.
func globOf(name string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(name)
}
