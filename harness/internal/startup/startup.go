// Package startup keeps what libraries print while the program starts out of the user's terminal. It must be initialized
// before them: Go initializes packages by their import paths where they do not depend on each other, and this one's comes
// before those of the libraries it is about.
package startup

import (
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// go-xla looks for the home folder when it is initialized and logs an error if there is none; which is no error for a program
// that is told where its files are.
func init() {
	if os.Getenv("HOME") == "" {
		klog.SetLogger(logr.Discard())
	}
	// It warns of a CUDA plugin without NVIDIA's libraries beside it, wherever else they are. A plugin that lacks them says so
	// itself.
	if _, set := os.LookupEnv(cudaChecks); !set {
		_ = os.Setenv(cudaChecks, "0")
	}
}

const cudaChecks = "GOPJRT_CUDA_CHECKS"
