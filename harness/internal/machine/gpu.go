package machine

import (
	"context"
	"encoding/csv"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// GPU is one NVIDIA GPU.
type GPU struct {
	Name        string `json:"name"`
	MemoryBytes uint64 `json:"memory_bytes"`
	Driver      string `json:"driver"` // version of NVIDIA's driver
}

// gpus asks nvidia-smi, which is part of the driver. Without it there is no GPU that XLA could use.
func gpus(ctx context.Context) []GPU {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,memory.total,driver_version",
		"--format=csv,noheader,nounits").Output()
	if err != nil {
		return nil
	}
	return parseGPUs(string(out))
}

// parseGPUs parses lines such as "NVIDIA H200, 143771, 570.86.15" (name, MiB, driver). It skips
// lines of any other form.
func parseGPUs(out string) []GPU {
	reader := csv.NewReader(strings.NewReader(out))
	reader.TrimLeadingSpace = true
	reader.FieldsPerRecord = -1
	records, err := reader.ReadAll()
	if err != nil {
		return nil
	}
	var found []GPU
	for _, record := range records {
		if len(record) != 3 {
			continue
		}
		// GPUs that share the memory of the host report "[N/A]"; 0 means unknown.
		mebibytes, _ := strconv.ParseUint(record[1], 10, 32)
		found = append(found, GPU{Name: record[0], MemoryBytes: mebibytes << 20, Driver: record[2]})
	}
	return found
}
