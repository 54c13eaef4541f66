package launch

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// CPUs lists the logical processors that this process may use.
func CPUs() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return numbered(runtime.NumCPU())
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// onCPUs calls start, which starts a process, such that it may use these
// processors only: XLA makes as many threads as there are processors it may use.
func onCPUs(cpus []int, start func() error) error {
	// A child inherits the processors of the thread that makes it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, wanted unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("reading the processors of this process: %w", err)
	}
	for _, cpu := range cpus {
		wanted.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		return fmt.Errorf("choosing processors %v: %w", cpus, err)
	}
	err := start()
	if e := unix.SchedSetaffinity(0, &before); e != nil && err == nil {
		err = fmt.Errorf("giving processors back: %w", e)
	}
	return err
}
