package backend

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cudaLibraries are the Python packages with the NVIDIA libraries that the CUDA plugin loads while it works, about
// 3 GB: those that jax-cuda13-plugin asks for.
var cudaLibraries = []string{
	"nvidia-cublas", "nvidia-cuda-cupti", "nvidia-cuda-nvcc", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime",
	"nvidia-cudnn-cu13", "nvidia-cufft", "nvidia-cusolver", "nvidia-cusparse", "nvidia-nccl-cu13",
	"nvidia-nvjitlink", "nvidia-nvshmem-cu13", "nvidia-nvvm",
}

// adviseCUDA tells how to get NVIDIA's libraries when they are not where a CUDA plugin looks for them: in ../nvidia
// beside its own folder, or where the system finds libraries. The harness does not fetch them, since
// most machines with a GPU have them.
func adviseCUDA(path string, log io.Writer) {
	beside := filepath.Dir(filepath.Dir(path))
	if _, err := os.Stat(filepath.Join(beside, "nvidia")); err == nil || systemHas("libcublas.so.13") {
		return
	}
	fmt.Fprintf(log, "NVIDIA's libraries for CUDA 13 were not found. The plugin needs them; to install them, type:\n"+
		"  python3 -m pip install --target %q %s\n", beside, strings.Join(cudaLibraries, " "))
}

// systemHas tells whether the dynamic loader would find a library.
func systemHas(library string) bool {
	for _, dir := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if _, err := os.Stat(filepath.Join(dir, library)); dir != "" && err == nil {
			return true
		}
	}
	cache, err := exec.Command("ldconfig", "-p").Output()
	return err == nil && strings.Contains(string(cache), library)
}
