package machine

import (
	"fmt"
	"os"
	"sync"

	"flowharness/harness/internal/files"
)

// CodeVersion identifies the code of this program. It is the commit that the program was built from
// or, if the Go tool recorded none or the working tree had been changed, the hash of the program
// file. Runs with the same config and the same code version are the same run.
var CodeVersion = sync.OnceValues(func() (string, error) {
	build := BuildGit()
	if build.Commit != "" && !build.Dirty {
		return build.Commit, nil
	}
	sum, err := hashProgram()
	if err != nil {
		return "", fmt.Errorf("finding the version of this program: %w", err)
	}
	if build.Commit == "" {
		return "program-" + sum[:16], nil
	}
	return build.Commit + "-dirty-" + sum[:16], nil
})

// hashProgram returns the SHA-256 of the program file of this process.
func hashProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return files.SHA256(path)
}
