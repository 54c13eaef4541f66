// Package machine describes where a run is made: the host, the versions of the modules in the
// program, the state of the source code, and the available memory and disk space. What cannot be
// found out is left empty and never makes a run fail.
package machine

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
)

// Facts describes the host and the program. Everything in it can affect the speed of a run and,
// except for the name of the host, the last bits of its numbers.
type Facts struct {
	Hostname    string            `json:"hostname"`
	OS          string            `json:"os"`     // such as "debian 12.5"
	Kernel      string            `json:"kernel"` // such as "6.1.0-18-amd64"
	Arch        string            `json:"arch"`   // architecture as Go names it, such as "amd64"
	CPUModel    string            `json:"cpu_model"`
	CPUs        int               `json:"cpus"`                   // logical processors that this process may use
	CPUFeatures []string          `json:"cpu_features,omitempty"` // vector and matrix instructions, for which XLA generates code
	MemoryBytes uint64            `json:"memory_bytes"`
	GPUs        []GPU             `json:"gpus,omitempty"`
	GoVersion   string            `json:"go_version"`
	GOMAXPROCS  int               `json:"gomaxprocs"`
	Versions    map[string]string `json:"versions"` // of modules that affect results, by module path
}

// Collect gathers the facts. It takes well under a second; ctx limits the programs that it starts.
func Collect(ctx context.Context) Facts {
	f := Facts{
		Arch:       runtime.GOARCH,
		CPUs:       runtime.NumCPU(),
		GPUs:       gpus(ctx),
		GoVersion:  runtime.Version(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		Versions:   moduleVersions(),
	}
	f.Hostname, _ = os.Hostname()
	if info, err := host.InfoWithContext(ctx); err == nil {
		f.OS = strings.TrimSpace(info.Platform + " " + info.PlatformVersion)
		f.Kernel = info.KernelVersion
	}
	if f.OS == "" {
		f.OS = runtime.GOOS
	}
	if processors, err := cpu.InfoWithContext(ctx); err == nil && len(processors) > 0 {
		f.CPUModel = processors[0].ModelName
		f.CPUFeatures = features(processors[0].Flags)
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		f.MemoryBytes = memory.Total
	}
	return f
}

// features selects the instruction sets that change what XLA's compiler generates, sorted.
func features(flags []string) []string {
	var selected []string
	for _, flag := range flags {
		for _, prefix := range []string{"avx", "fma", "amx", "sve", "asimd"} {
			if strings.HasPrefix(flag, prefix) {
				selected = append(selected, flag)
				break
			}
		}
	}
	slices.Sort(selected)
	return slices.Compact(selected)
}
