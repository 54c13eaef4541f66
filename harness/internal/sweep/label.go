package sweep

import (
	"fmt"
	"regexp"
	"strings"

	"flowharness/harness/internal/label"
)

// labels makes short names of combinations, of the paths that are not the same in
// all of them: process=ddpm steps=10.
type labels struct {
	combinations []Assignments
	short        map[string]string // of paths
	seen         map[string]int
}

func newLabels(combinations []Assignments) *labels {
	l := &labels{combinations: combinations, short: map[string]string{}, seen: map[string]int{}}
	varied := varying(combinations)
	taken := map[string][]string{}
	for _, s := range combinations {
		for _, a := range s {
			if _, ok := l.short[a.Path]; !ok && varied[a.Path] {
				name := lastWord(a.Path)
				l.short[a.Path] = name
				taken[name] = append(taken[name], a.Path)
			}
		}
	}
	for _, paths := range taken {
		if len(paths) > 1 {
			for _, path := range paths {
				l.short[path] = path
			}
		}
	}
	return l
}

// of is the label of a combination; a variant without one is called as given.
func (l *labels) of(i int, otherwise string) string {
	var parts []string
	for _, a := range l.combinations[i] {
		if short, ok := l.short[a.Path]; ok {
			parts = append(parts, short+"="+shortValue(a.Value))
		}
	}
	label := strings.Join(parts, " ")
	if label == "" {
		label = otherwise
	}
	l.seen[label]++
	if n := l.seen[label]; n > 1 {
		return fmt.Sprintf("%s #%d", label, n)
	}
	return label
}

// varying are the paths whose values are not the same in all combinations; of a
// single one it is all.
func varying(combinations []Assignments) map[string]bool {
	varied := map[string]bool{}
	for _, s := range combinations {
		for _, a := range s {
			if first, ok := combinations[0].value(a.Path); !ok || first != a.Value || len(combinations) == 1 {
				varied[a.Path] = true
			}
		}
		for _, a := range combinations[0] {
			if _, ok := s.value(a.Path); !ok {
				varied[a.Path] = true
			}
		}
	}
	return varied
}

// lastWord is the end of a path that says what it is about: that of
// process.name is process.
func lastWord(path string) string {
	words := strings.Split(path, ".")
	if n := len(words); n > 1 && words[n-1] == "name" {
		return words[n-2]
	}
	return words[len(words)-1]
}

// shortValue leaves out the brackets of a list of one plain value.
func shortValue(value string) string {
	if inner, ok := strings.CutPrefix(value, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok && !strings.ContainsAny(inner, ",[]{}") {
			return inner
		}
	}
	return value
}

// betweenWords is what becomes one hyphen of a name: anything but letters and digits of any language, . and +.
var betweenWords = regexp.MustCompile(`[^\p{L}\p{M}\p{N}\x{200C}\x{200D}.+]+`)

// names makes the names of a sweep's runs: those of one variant have the same.
type names struct {
	sweep string
	taken map[string]bool
	next  int // number of the variant
}

func newNames(sweep string) *names { return &names{sweep: sweep, taken: map[string]bool{}} }

// of makes the label of the next variant fit to be the name of a config, as far
// as its length allows; a number keeps those apart that would be the same then.
func (n *names) of(variant string) string {
	name := label.Replace(n.sweep + "-" + betweenWords.ReplaceAllString(variant, "-"))
	unique := name
	for number := n.next; label.Cut(unique, label.Longest) != unique || n.taken[unique]; number++ {
		end := fmt.Sprintf("-%d", number)
		unique = label.Cut(name, label.Longest-len(end)) + end
	}
	n.next++
	n.taken[unique] = true
	return unique
}
