package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Expand replaces ~ or ~/ at the beginning of a path by the user's home folder, as a shell does if
// the path is not quoted. The home of another user, ~name, is refused: a folder of that name is
// almost never what was meant.
func Expand(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	if rest != "" && !os.IsPathSeparator(rest[0]) {
		return "", fmt.Errorf("%s: the home folders of other users are not looked up: write out the path, or ./%s for a file of that name",
			path, path)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%s: where your home folder is cannot be told (%w): write out the path", path, err)
	}
	return filepath.Join(home, rest), nil
}

// Beside resolves a path that is written in a file. A relative path is relative to the folder of
// that file, after following a symbolic link to it; other paths are absolute or begin with ~/.
func Beside(file, path string) (string, error) {
	path, err := Expand(path)
	if err != nil || filepath.IsAbs(path) {
		return path, err
	}
	return filepath.Join(filepath.Dir(FollowLink(file)), path), nil
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// FollowLink returns the path that a symbolic link leads to, and any other path as it is. What lies
// beside a file lies beside the file itself, not beside a link to it.
func FollowLink(path string) string {
	if isLink(path) {
		if target, err := Resolve(path); err == nil {
			return target
		}
	}
	return path
}
