package backend

import (
	"os"
	"strings"
	"syscall"
)

// tunables keep memory that XLA frees, in huge pages, instead of giving it back to the system. Every execution
// of a program allocates and frees its buffers; by default glibc maps each large one afresh, and the page faults take
// a quarter of a training step's time.
const tunables = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=17179869184:" +
	"glibc.malloc.trim_threshold=17179869184:glibc.malloc.mmap_max=0"

const (
	tunablesEnv = "GLIBC_TUNABLES"
	noReexecEnv = "HARNESS_NO_REEXEC"
	tunedEnv    = "HARNESS_TUNED" // set between the two starts only
)

// allocator is the value of GLIBC_TUNABLES that this process started with.
var allocator = os.Getenv(tunablesEnv)

// TuneAllocator starts this program again, once, with the C library's allocator tuned for XLA: glibc reads its
// settings only when a process starts. Call it before anything else. The process keeps its id, its arguments and
// its open files. It does nothing when GLIBC_TUNABLES is set already or HARNESS_NO_REEXEC is set, and when the program
// cannot be started again the run goes on untuned.
func TuneAllocator() {
	if os.Getenv(tunedEnv) != "" {
		// The second start. Programs started from here should neither inherit the settings nor believe the mark.
		os.Unsetenv(tunedEnv)
		os.Unsetenv(tunablesEnv)
		return
	}
	if _, set := os.LookupEnv(tunablesEnv); set || os.Getenv(noReexecEnv) != "" {
		return
	}
	program, err := os.Executable()
	if err != nil || strings.HasSuffix(program, " (deleted)") {
		return
	}
	// Exec returns only if it fails, and then this process is as good as before.
	_ = syscall.Exec(program, os.Args, append(os.Environ(), tunedEnv+"=1", tunablesEnv+"="+tunables))
}
