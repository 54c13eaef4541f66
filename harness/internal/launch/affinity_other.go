//go:build !linux

package launch

import "runtime"

// CPUs lists the logical processors that this process may use.
func CPUs() []int { return numbered(runtime.NumCPU()) }

// onCPUs calls start. Which processors a process uses cannot be chosen here; it
// is told how many by GOMAXPROCS.
func onCPUs(_ []int, start func() error) error { return start() }
