package machine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Git is the state of the source code when a run was made.
type Git struct {
	Commit string `json:"commit,omitempty"` // full hash
	Dirty  bool   `json:"dirty"`            // the working tree differs from the commit
	Diff   string `json:"diff,omitempty"`   // git diff HEAD, followed by the names of untracked files; at most MaxDiff bytes
}

// MaxDiff is how many bytes of a diff are kept at most.
const MaxDiff = 1 << 20

// CollectGit returns the state of the checkout that contains dir. If there is none, or no git, it
// returns what the Go tool recorded when the program was built, without a diff.
func CollectGit(ctx context.Context, dir string) Git {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	commit, err := git(ctx, dir, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return BuildGit()
	}
	state := Git{Commit: strings.TrimSpace(commit)}
	// A record should not contain colours or the output of the user's own diff tools.
	diff, err := git(ctx, dir, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD")
	if err != nil {
		diff = fmt.Sprintf("(the diff could not be had: %v)\n", err)
	}
	untracked, err := git(ctx, dir, "ls-files", "--others", "--exclude-standard", "--full-name", ":/")
	if err == nil && untracked != "" {
		diff = limit(diff) + "untracked files, not included here:\n" + untracked
	}
	state.Dirty = diff != ""
	state.Diff = limit(diff)
	return state
}

// limit cuts a diff off after MaxDiff bytes and says so.
func limit(diff string) string {
	const note = "\n(the rest is left out)\n"
	if len(diff) <= MaxDiff {
		return diff
	}
	return strings.ToValidUTF8(diff[:MaxDiff-len(note)], "") + note
}

// git runs a git command in dir and returns its output, cut off shortly after MaxDiff bytes.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	// Optional locks would disturb git commands that the user runs at the same time.
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", dir}, args...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var text bytes.Buffer
	_, readErr := io.Copy(&text, io.LimitReader(out, MaxDiff+1))
	if text.Len() > MaxDiff {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return strings.ToValidUTF8(text.String(), "\uFFFD"), nil
	}
	if err := cmd.Wait(); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(text.String(), "\uFFFD"), readErr
}
