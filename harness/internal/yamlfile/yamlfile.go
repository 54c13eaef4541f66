// Package yamlfile reads YAML files that people write by hand: strictly, with the
// place of everything that is wrong, and with what was likely meant. Configs,
// sweep files and their sections are read with it, so that they agree on what is
// a number, a boolean or a mistake, and on the words for it.
package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/suggest"
)

// maxSize is far more than any file that a person writes; it stops a wrong path
// from being read into memory. In bytes.
const maxSize = 1 << 20

// ReadFile reads a file that a user has named. One that cannot be read or is far
// too large is one [*Errors], with a suggestion if another is near.
func ReadFile(path string) ([]byte, error) {
	text, err := Read(path)
	if err != nil {
		return nil, &Errors{[]Problem{{Message: err.Error()}}}
	}
	return text, nil
}

// Read is [ReadFile] with an error that is not [*Errors].
func Read(path string) ([]byte, error) {
	text, err := read(path)
	if err == nil {
		return text, nil
	}
	name := Printable(path)
	if name == "" {
		name = `""`
	}
	return nil, fmt.Errorf("cannot read %s: %w%s", name, err, nearby(path))
}

// Parse returns the root of a text that is one YAML document, nil if it is
// empty. name stands for the file in the error, which is [*Errors]. A root and an
// error together are of a text that goes on where it should have ended.
func Parse(name string, text []byte) (*yaml.Node, error) {
	root, syntax := parse(text)
	if syntax != nil {
		return root, &Errors{[]Problem{{Place: Place{File: name, Line: syntax.line, Column: syntax.column}, Message: syntax.message}}}
	}
	return root, nil
}

// ParseValue returns the root of a value that is written on the command line, nil
// if it is empty. The error has no place.
func ParseValue(text string) (*yaml.Node, error) {
	root, syntax := parse([]byte(text))
	if syntax != nil {
		return nil, errors.New(syntax.message)
	}
	return root, nil
}

// read reads a file. Its errors do not repeat the path.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("is larger than %d bytes; is this a config?", maxSize)
	}
	return text, nil
}

func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// nearby suggests a YAML file beside a path that does not exist.
func nearby(path string) string {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".yaml" || ext == ".yml" {
			names = append(names, e.Name())
		}
	}
	name := suggest.One(filepath.Base(path), names)
	if name == "" {
		return ""
	}
	return suggest.DidYouMean(filepath.Join(filepath.Dir(path), name))
}
