package machine

import (
	"fmt"
	"os"
	"sync"

	"flowharness/harness/internal/files"
)

// CodeVersion identifies the code of this program: the commit it was built from
// or, where the Go tool recorded none or the tree differed from it, the hash of
// the program file. Runs of one config and one code version are the same run.
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

// hashProgram is the SHA-256 of the file that this process was started from.
func hashProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return files.SHA256(path)
}
