package sweep

import (
	"errors"
	"fmt"
	"strings"

	"flowharness/harness/internal/config"
)

// problems collects what is wrong with the configs of variants: a value that a
// thousand variants share is one problem.
type problems struct {
	file string
	list []string
	seen map[string]bool
}

const maxProblems = 10

func newProblems(file string) *problems { return &problems{file: file, seen: map[string]bool{}} }

func (p *problems) add(label string, err error) {
	var found *config.Errors
	if !errors.As(err, &found) {
		found = &config.Errors{Problems: []config.Problem{{Message: err.Error()}}}
	}
	for _, one := range found.Problems {
		what := strings.TrimPrefix(one.String(), "--set ")
		same := what
		if one.Override != "" {
			path, _, _ := strings.Cut(one.Override, "=") // a wrong path is wrong with any value
			same = path + ": " + one.Key + ": " + one.Message
		}
		if !p.seen[same] {
			p.seen[same] = true
			p.list = append(p.list, what+" (variant "+label+")")
		}
	}
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	e := &config.Errors{}
	for _, what := range p.list[:min(len(p.list), maxProblems)] {
		e.Problems = append(e.Problems, config.Problem{Place: config.Place{File: p.file}, Message: what})
	}
	if left := len(p.list) - maxProblems; left > 0 {
		e.Problems = append(e.Problems, config.Problem{Place: config.Place{File: p.file}, Message: fmt.Sprintf("and %d problems more", left)})
	}
	return e
}
