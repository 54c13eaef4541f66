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

// Kind is a kind of file. A command may replace an existing file by another of the same kind.
type Kind struct {
	Name string // as in "it is no PNG picture"
	is   func(head []byte) bool
}

// The kinds of files that commands write to a path that they are given.
var (
	PNG      = Kind{"PNG picture", begins("\x89PNG\r\n\x1a\n")}
	HTML     = Kind{"HTML page", func(head []byte) bool { return begins("<!doctype html")(bytes.ToLower(bytes.TrimSpace(head))) }}
	Archive  = Kind{"archive of a run", begins("\x28\xb5\x2f\xfd")} // zstd
	Baseline = Kind{"baseline", func(head []byte) bool { return bytes.Contains(head, []byte(`"format": "harness baseline"`)) }}
	Weights  = Kind{"file of weights in safetensors", isWeights}
	Markdown = Kind{"Markdown report", begins("#")}
	XML      = Kind{"XML report", begins("<?xml")}

	// For show --series.
	CSV       = Kind{"table of series as CSV", begins("step,seconds")}
	JSONLines = Kind{"table of series as JSON lines", begins(`{"step":`)}
	Parquet   = Kind{"Parquet file", begins("PAR1")}
)

func begins(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// isWeights recognizes safetensors by the JSON after the length of the header. It does not accept a
// checkpoint of a run, which contains more than weights.
func isWeights(head []byte) bool {
	return len(head) > 9 && head[8] == '{' && !bytes.Contains(head, []byte(`"harness.format":`))
}

// ErrInTheWay says that an existing file must not be replaced.
var ErrInTheWay = errors.New("another file is in the way")

// inTheWayError is an [ErrInTheWay] with a message of its own.
type inTheWayError string

func (e inTheWayError) Error() string { return string(e) }

func (inTheWayError) Is(target error) bool { return target == ErrInTheWay }

// CheckTarget returns an error if a file of a kind cannot be written at path, as far as that is
// known before the work begins: the folder does not exist, path is a folder, or another file would
// be lost ([ErrInTheWay]). With force a file of another kind may be replaced, but never a SQLite
// database, such as a store, or the files that SQLite keeps beside one.
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

// headSize is how many bytes are needed to recognize the kind of a file.
const headSize = 512

func isSQLite(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if info.Size() == 0 { // everything in a new database may still be in its log
		_, err := os.Stat(path + "-wal")
		return err == nil
	}
	beginning, err := head(path, headSize)
	return err == nil && begins("SQLite format 3\x00")(beginning)
}

// checkFolder returns an error if a file cannot be created in a folder, which the user has called
// name.
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
