// Package baseline keeps what later runs are compared with in a file: readable
// JSON that a repository can hold and a reviewer can read.
package baseline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"flowharness/harness/internal/compare"
)

const (
	format  = "harness baseline"
	version = 1
)

// File is the content of a baseline file: the runs of one group, with every
// metric of each, so that tests over seeds and images can be made against them.
type File struct {
	Format  string           `json:"format"`
	Version int              `json:"version"`
	Label   string           `json:"label"`
	Runs    []compare.Record `json:"runs"`
}

// Error reports a file that is not a baseline which this program can read.
type Error struct {
	Path    string
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("baseline %s: %s", e.Path, e.Problem) }

// Encode writes records, which must be of one group, as a baseline.
func Encode(label string, records []compare.Record) ([]byte, error) {
	if len(records) == 0 {
		return nil, errors.New("a baseline needs at least one run")
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(File{format, version, label, records}); err != nil {
		return nil, fmt.Errorf("writing a baseline: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads a baseline file and checks it.
func Read(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	bad := func(format string, args ...any) (*File, error) {
		return nil, &Error{path, fmt.Sprintf(format, args...)}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return bad("it is empty")
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(data, &head); {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(data)) && bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return bad("it is truncated after %d bytes: save it again with harness baseline save", len(data))
	case errors.As(err, &syntax):
		return bad("it is not JSON (byte %d: %v): harness baseline save writes one", syntax.Offset, err)
	case err != nil:
		return bad("it is not a baseline (%v): harness baseline save writes one", err)
	case head.Format != format:
		return bad("it is not a baseline (its format is %q, not %q): harness baseline save writes one", head.Format, format)
	case head.Version > version:
		return bad("it is of version %d, this program reads up to %d: update harness", head.Version, version)
	case head.Version < 1:
		return bad("its version is %d", head.Version)
	}
	var f File
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return bad("%v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("something follows its end")
	}
	if len(f.Runs) == 0 {
		return bad("it holds no runs")
	}
	for i, r := range f.Runs {
		if r.ID == "" || r.Config == nil || r.Scalars == nil {
			return bad("run %d of it lacks its id, config or metrics", i+1)
		}
		f.Runs[i] = r.FromFile()
	}
	return &f, nil
}
