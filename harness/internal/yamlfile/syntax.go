package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse returns the root of a YAML document, nil if it is empty. It can return
// both a root and an error: a second document does not hide the first one.
func parse(text []byte) (*yaml.Node, *syntaxError) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, explainSyntax(text, err)
	}
	root := document.Content[0]
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return root, explainSyntax(text, err)
	default:
		return root, &syntaxError{second.Line, second.Column, "a second document begins here; a file is a single one"}
	}
}

// syntaxError is a text that is not one YAML document.
type syntaxError struct {
	line, column int // from 1
	message      string
}

var (
	parserError   = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// explainSyntax finds the place that the parser's message leaves out: it has no
// column, and the line is missing or that of the line before for some.
func explainSyntax(text []byte, err error) *syntaxError {
	m := parserError.FindStringSubmatch(err.Error())
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	line, message := 1, m[2]
	if n, err := strconv.Atoi(m[1]); err == nil {
		line = n
		if strings.HasPrefix(message, "did not find expected") {
			line++ // these count lines from 0
		}
	}
	switch {
	case strings.Contains(message, "UTF-8"):
		if at := bytes.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError }); at >= 0 {
			return syntaxErrorAt(text, at, "the file is not UTF-8 text")
		}
	case strings.Contains(message, "control characters"):
		if at := bytes.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }); at >= 0 {
			return syntaxErrorAt(text, at, message)
		}
	case strings.Contains(message, "cannot start any token"), strings.Contains(message, "tab character"):
		if at := indentingTab(text); at >= 0 {
			return syntaxErrorAt(text, at, "the line is indented with a tab; use spaces")
		}
	case unknownAnchor.MatchString(message):
		name := unknownAnchor.FindStringSubmatch(message)[1]
		return syntaxErrorAt(text, max(bytes.Index(text, []byte("*"+name)), 0), message)
	}
	e := &syntaxError{line: line, column: 1, message: "not valid YAML: " + message}
	if lines := bytes.Split(text, []byte("\n")); line <= len(lines) {
		content := bytes.TrimLeft(lines[line-1], " ")
		if len(content) > 0 {
			e.column += len(lines[line-1]) - len(content)
		}
	}
	return e
}

// indentingTab is the offset of the first tab that indents a line; -1 if none.
func indentingTab(text []byte) int {
	offset := 0
	for line := range bytes.Lines(text) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return offset + tab
		}
		offset += len(line)
	}
	return -1
}

func syntaxErrorAt(text []byte, offset int, message string) *syntaxError {
	before := text[:offset]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &syntaxError{
		line:    bytes.Count(before, []byte("\n")) + 1,
		column:  utf8.RuneCount(before[lineStart:]) + 1,
		message: "not valid YAML: " + message,
	}
}
