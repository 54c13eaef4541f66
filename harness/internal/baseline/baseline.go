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
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/fault"
)

const (
	format  = "harness baseline"
	version = 2 // the newest; files of one variant are still written as 1
)

// File is the content of a baseline file of one variant: its runs, with every
// metric of each, so that tests over seeds and images can be made against them.
type File struct {
	Format  string           `json:"format"`
	Version int              `json:"version"`
	Label   string           `json:"label"`
	Runs    []compare.Record `json:"runs"`
}

// variantsFile is the content of a file of several variants, of version 2.
type variantsFile struct {
	Format   string            `json:"format"`
	Version  int               `json:"version"`
	Variants []compare.Variant `json:"variants"`
}

// Error reports a file that is not a baseline which this program can read.
type Error struct {
	Path    string
	Problem string
	Help    fault.Remedy
}

func (e *Error) Error() string { return fmt.Sprintf("baseline %s: %s", e.Path, e.Problem) }

// Fault is [fault.Invalid].
func (e *Error) Fault() fault.Kind { return fault.Invalid }

// Remedy is what would help.
func (e *Error) Remedy() fault.Remedy { return e.Help }

// Encode writes records, which must be of one group, as a baseline.
func Encode(label string, records []compare.Record) ([]byte, error) {
	if len(records) == 0 {
		return nil, errors.New("a baseline needs at least one run")
	}
	return encode(File{format, 1, label, records})
}

// EncodeVariants writes several variants as a baseline. Their labels must differ.
func EncodeVariants(variants []compare.Variant) ([]byte, error) {
	if problem := checkVariants(variants); problem != "" {
		return nil, errors.New(problem)
	}
	return encode(variantsFile{format, version, variants})
}

func encode(file any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(file); err != nil {
		return nil, fmt.Errorf("writing a baseline: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads a baseline file of one variant and checks it.
func Read(path string) (*File, error) {
	variants, err := ReadVariants(path)
	if err != nil {
		return nil, err
	}
	if len(variants) > 1 {
		var labels []string
		for _, v := range variants {
			labels = append(labels, v.Label)
		}
		return nil, &Error{path, fmt.Sprintf("it holds %d variants (%s), and a comparison is with one", len(variants),
			strings.Join(labels, ", ")),
			fault.Do(fault.SaveBaselineOfOne)}
	}
	return &File{format, 1, variants[0].Label, variants[0].Runs}, nil
}

// ReadVariants reads a baseline file of one variant or several and checks it.
func ReadVariants(path string) ([]compare.Variant, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	bad := func(format string, args ...any) ([]compare.Variant, error) {
		return nil, &Error{Path: path, Problem: fmt.Sprintf(format, args...)}
	}
	other := func(format string, args ...any) ([]compare.Variant, error) {
		return nil, &Error{path, fmt.Sprintf(format, args...), fault.Do(fault.SaveBaseline)}
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
		return other("it is truncated after %d bytes", len(data))
	case errors.As(err, &syntax):
		return other("it is not JSON (byte %d: %v)", syntax.Offset, err)
	case err != nil:
		return other("it is not a baseline (%v)", err)
	case head.Format != format:
		return other("it is not a baseline (its format is %q, not %q)", head.Format, format)
	case head.Version > version:
		return bad("it is of version %d, this program reads up to %d: update harness", head.Version, version)
	case head.Version < 1:
		return bad("its version is %d", head.Version)
	}
	var one File
	var several variantsFile
	var f any = &several
	if head.Version == 1 {
		f = &one
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(f); err != nil {
		return bad("%v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("something follows its end")
	}
	variants := several.Variants
	if head.Version == 1 {
		variants = []compare.Variant{{Label: one.Label, Runs: one.Runs}}
	}
	if problem := checkVariants(variants); problem != "" {
		return bad("%s", problem)
	}
	for _, v := range variants {
		for i, r := range v.Runs {
			v.Runs[i] = r.FromFile()
		}
	}
	return variants, nil
}

// checkVariants says what a baseline's variants lack; "" if nothing.
func checkVariants(variants []compare.Variant) string {
	if len(variants) == 0 {
		return "it holds no variants"
	}
	seen := map[string]bool{}
	for _, v := range variants {
		of := ""
		if len(variants) > 1 {
			of = fmt.Sprintf(" of variant %q", v.Label)
			if seen[v.Label] {
				return fmt.Sprintf("two variants of it are called %q", v.Label)
			}
		}
		seen[v.Label] = true
		if len(v.Runs) == 0 {
			return "it holds no runs" + of
		}
		for i, r := range v.Runs {
			if r.ID == "" || r.Config == nil || r.Scalars == nil {
				return fmt.Sprintf("run %d of it%s lacks its id, config or metrics", i+1, of)
			}
		}
	}
	return ""
}
