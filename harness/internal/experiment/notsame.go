package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/machine"
)

// NotSame is a circumstance that a run was recorded under and that is another
// now: a difference may come from it.
type NotSame struct {
	What, Then, Now string
}

// made is what a run was made with.
type made struct {
	Environment
	code string // the program's code version; "" if it was not recorded
}

// notSame lists what differs of all that can change the last bits of a result.
func notSame(then, now made) []NotSame {
	list := []NotSame{}
	add := func(what, a, b string) {
		if a != b {
			list = append(list, NotSame{what, a, b})
		}
	}
	if then.code != "" {
		add("program", then.code, now.code)
	} else {
		add("commit", commitOf(then.Git), commitOf(now.Git))
	}
	for _, module := range union(then.Machine.Versions, now.Machine.Versions) {
		add(module, then.Machine.Versions[module], now.Machine.Versions[module])
	}
	add("Go", then.Machine.GoVersion, now.Machine.GoVersion)
	add("backend", then.Backend.Name, now.Backend.Name)
	add("devices", fmt.Sprint(then.Backend.TrainingDevices()), fmt.Sprint(now.Backend.TrainingDevices()))
	add("microbatch size", partsOf(then.Backend), partsOf(now.Backend))
	add("plugin", then.Backend.PluginVersion, now.Backend.PluginVersion)
	add("XLA", then.Backend.PlatformVersion, now.Backend.PlatformVersion)
	add("XLA_FLAGS", then.Backend.XLAFlags, now.Backend.XLAFlags)
	add("architecture", then.Machine.Arch, now.Machine.Arch)
	if a, b := then.Machine.CPUFeatures, now.Machine.CPUFeatures; !slices.Equal(a, b) {
		list = append(list, NotSame{"CPU features", only(a, b), only(b, a)})
	}
	add("number of CPUs", fmt.Sprint(then.Machine.CPUs), fmt.Sprint(now.Machine.CPUs))
	return list
}

// commitOf stands for the program where its code version was not recorded.
func commitOf(g machine.Git) string {
	if g.Dirty {
		return fmt.Sprintf("%.12s with changes", g.Commit)
	}
	return fmt.Sprintf("%.12s", g.Commit)
}

// partsOf says how many images a run gives the network at once.
func partsOf(b backend.Info) string {
	if b.MicrobatchSize == 0 {
		return "the whole batch"
	}
	return fmt.Sprint(b.MicrobatchSize)
}

// union lists the keys of both maps, sorted.
func union(a, b map[string]string) []string {
	all := maps.Clone(b)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, a)
	return slices.Sorted(maps.Keys(all))
}

// only lists what is in a and not in b, "none of these" if nothing is.
func only(a, b []string) string {
	var list []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return "no other"
	}
	return strings.Join(list, " ")
}
