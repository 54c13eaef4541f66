package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
)

// PeakMemory returns the largest resident size of this process so far, in bytes; 0 if the system
// does not report it.
func PeakMemory() int64 {
	// On Linux, getrusage would include the size of the process that started this one.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			var kibibytes int64
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); err == nil {
				return kibibytes << 10
			}
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // in bytes on this system, in kibibytes on others
	}
	return usage.Maxrss << 10
}

// FreeDisk returns how many bytes a user can still write on the file system of path, which need not
// exist yet.
func FreeDisk(path string) (uint64, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return 0, fmt.Errorf("finding the free disk space at %s: %w", path, err)
	}
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if parent := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && parent != dir {
			dir = parent
			continue
		}
		return 0, fmt.Errorf("finding the free disk space at %s: %w", path, err)
	}
	usage, err := disk.UsageWithContext(context.Background(), dir)
	if err != nil {
		return 0, fmt.Errorf("finding the free disk space at %s: %w", path, err)
	}
	return usage.Free, nil
}

// ProcessorTime returns the processor time that this process has used on all processors together; 0
// if the system does not report it.
func ProcessorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
