package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Kind is what a file is to hold. An existing file may be replaced by another of its kind.
type Kind struct {
	Name string // as in "it is no PNG picture"
	is   func(head []byte) bool
}

// The kinds of files that commands write where they are told to.
var (
	PNG      = Kind{"PNG picture", begins("\x89PNG\r\n\x1a\n")}
	HTML     = Kind{"HTML page", func(head []byte) bool { return begins("<!doctype html")(bytes.ToLower(bytes.TrimSpace(head))) }}
	Archive  = Kind{"archive of a run", begins("\x28\xb5\x2f\xfd")} // zstd
	Baseline = Kind{"baseline", func(head []byte) bool { return bytes.Contains(head, []byte(`"format": "harness baseline"`)) }}
	Weights  = Kind{"file of weights in safetensors", isWeights}
	Markdown = Kind{"Markdown report", begins("#")}
	XML      = Kind{"XML report", begins("<?xml")}

	// Those of show --series.
	CSV       = Kind{"table of series as CSV", begins("step,seconds")}
	JSONLines = Kind{"table of series as JSON lines", begins(`{"step":`)}
	Parquet   = Kind{"Parquet file", begins("PAR1")}
)

func begins(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// isWeights knows safetensors by the JSON after the length of its header. A run's checkpoint is more than weights.
func isWeights(head []byte) bool {
	return len(head) > 9 && head[8] == '{' && !bytes.Contains(head, []byte(`"harness.format":`))
}

// ErrInTheWay says that a file which exists must not be replaced.
var ErrInTheWay = errors.New("another file is in the way")

// inTheWayError is [ErrInTheWay] in the words of the case.
type inTheWayError string

func (e inTheWayError) Error() string { return string(e) }

func (inTheWayError) Is(target error) bool { return target == ErrInTheWay }

// CheckTarget says why a file of a kind cannot be written at path, as far as that can be known before the work of making
// it: its folder does not exist, it is a folder itself, or something else would be lost ([ErrInTheWay]). force allows to
// replace a file of any other kind, but never a SQLite database, such as a store, or what SQLite keeps beside one.
func CheckTarget(path string, kind Kind, force bool) error {
	problem, err := inTheWay(path, kind, force)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, Reason(err))
	}
	if problem != "" {
		return inTheWayError(path + ": " + problem)
	}
	return nil
}

func inTheWay(path string, kind Kind, force bool) (problem string, err error) {
	if IsDevice(path) {
		return "", nil
	}
	target, err := Resolve(path)
	if err != nil {
		return "", err
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if database, beside := strings.CutSuffix(target, suffix); beside && isSQLite(database) {
			return fmt.Sprintf("it belongs to the database %s and is never written over; name another file", filepath.Base(database)), nil
		}
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", checkFolder(filepath.Dir(target), filepath.Dir(path))
	case err != nil:
		return "", err
	case info.IsDir():
		return "", errors.New("it is a folder; name a file in it")
	case isSQLite(target):
		return "it is a SQLite database, such as a store, and is never written over; name another file", nil
	case force || info.Size() == 0:
		return "", nil
	}
	beginning, err := head(target, headSize)
	if err != nil {
		return "", err
	}
	if !kind.is(beginning) {
		return fmt.Sprintf("it exists and is no %s; name another file, or replace it with --force", kind.Name), nil
	}
	return "", nil
}

// headSize is how much of a file tells its kind.
const headSize = 512

func isSQLite(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if info.Size() == 0 { // all of a new database can be in its log
		_, err := os.Stat(path + "-wal")
		return err == nil
	}
	beginning, err := head(path, headSize)
	return err == nil && begins("SQLite format 3\x00")(beginning)
}

// checkFolder says what keeps a file from being made in a folder that the user calls name.
func checkFolder(dir, name string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("there is no folder %s", name)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", name)
	}
	return nil
}
