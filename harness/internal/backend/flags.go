package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// xlaFlags are the flags given to XLA on a kind of device when XLA_FLAGS is not set. On a GPU the operations whose
// result depends on the order in which threads finish are left out, so that a run repeats to the bit.
var xlaFlags = map[string]string{
	"cuda": "--xla_gpu_exclude_nondeterministic_ops=true",
}

// setFlags sets XLA_FLAGS, which a plugin reads when it is loaded, unless the user has set it.
func setFlags(kind string) error {
	flags, known := xlaFlags[kind]
	if _, set := os.LookupEnv("XLA_FLAGS"); set || !known {
		return nil
	}
	if err := os.Setenv("XLA_FLAGS", flags); err != nil {
		return fmt.Errorf("setting XLA_FLAGS: %w", err)
	}
	return nil
}

// HasNVIDIA tells whether this machine has an NVIDIA GPU that can be used.
func HasNVIDIA() bool {
	if devices, _ := filepath.Glob("/dev/nvidia[0-9]*"); len(devices) > 0 {
		return true
	}
	// A broken driver can let nvidia-smi hang.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "nvidia-smi", "-L").Run() == nil
}
