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

// Git is the state of the source code at the time of a run.
type Git struct {
	Commit string `json:"commit,omitempty"` // full hash
	Dirty  bool   `json:"dirty"`            // something differs from the commit
	Diff   string `json:"diff,omitempty"`   // how: git diff HEAD, then the names of untracked files; at most MaxDiff bytes
}

// MaxDiff is the most of a diff that is kept, in bytes.
const MaxDiff = 1 << 20

// CollectGit returns the state of the checkout that dir lies in. Outside of one, or without git, it is what the Go
// tool recorded when the program was built, which has no diff.
func CollectGit(ctx context.Context, dir string) Git {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	commit, err := git(ctx, dir, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return BuildGit()
	}
	state := Git{Commit: strings.TrimSpace(commit)}
	// Neither colours nor the user's own tools for diffs belong in a record.
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

// limit cuts a diff at MaxDiff bytes and says so.
func limit(diff string) string {
	const note = "\n(the rest is left out)\n"
	if len(diff) <= MaxDiff {
		return diff
	}
	return strings.ToValidUTF8(diff[:MaxDiff-len(note)], "") + note
}

// git runs a git command in dir and returns what it prints, cut off shortly after MaxDiff bytes.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	// Optional locks would get in the way of a git command that the user runs meanwhile.
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
