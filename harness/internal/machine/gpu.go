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

// gpus asks nvidia-smi, which comes with the driver. Without it there is no GPU that XLA could use.
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

// parseGPUs reads lines such as "NVIDIA H200, 143771, 570.86.15": name, MiB, driver. Lines of another
// form are passed over.
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
		// Some GPUs share the host's memory and report "[N/A]": 0 means not known.
		mebibytes, _ := strconv.ParseUint(record[1], 10, 32)
		found = append(found, GPU{Name: record[0], MemoryBytes: mebibytes << 20, Driver: record[2]})
	}
	return found
}
