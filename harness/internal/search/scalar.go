package search

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// scalar is a YAML scalar.
type scalar struct{ tag, value string }

// parseScalar reads text that is one YAML scalar.
func parseScalar(text string) (scalar, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return scalar{}, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if document.Kind != yaml.DocumentNode {
		return scalar{}, errors.New("it is empty")
	}
	n := document.Content[0]
	if n.Kind != yaml.ScalarNode || strings.ContainsAny(text, "\r\n") || n.HeadComment+n.LineComment+n.FootComment != "" {
		return scalar{}, errors.New("it is more than a scalar on one line")
	}
	return scalar{n.Tag, n.Value}, nil
}

// text is the scalar on one line: as it was written, in double quotes where it
// would be read as something else without. nil is null.
func (s scalar) text() (string, error) {
	if s.tag == "!!null" {
		return "null", nil
	}
	if again, err := parseScalar(s.value); err == nil && again == s {
		return s.value, nil
	}
	quoted, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.value, Style: yaml.DoubleQuotedStyle})
	text := strings.TrimSuffix(string(quoted), "\n")
	if err != nil {
		return "", err
	}
	if again, err := parseScalar(text); err != nil || again != s {
		return "", errors.New("it cannot be written on one line")
	}
	return text, nil
}

// identity is the same for scalars of the same value: 1e-3 and 0.001, True and
// true, but not 1 and "1".
func (s scalar) identity() string {
	switch s.tag {
	case "!!int", "!!float":
		if !digits.MatchString(s.value) {
			if v, err := strconv.ParseFloat(s.value, 64); err == nil && v == math.Trunc(v) && math.Abs(v) <= maxWhole {
				return "number " + whole(v)
			} else if err == nil {
				return "number " + shortest(v)
			}
		}
		return "number " + strings.TrimPrefix(s.value, "+")
	case "!!bool":
		return "bool " + strings.ToLower(s.value)
	case "!!null":
		return "null"
	default:
		return "text " + s.value
	}
}

var (
	digits = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
)
