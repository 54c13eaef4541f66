package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

const nasty = "a<b>&\"'\x00\x1b[31m\x7f\u0085\xff\uFFFE ]]> line\r\nnext é"

var suites = []Suite{
	{Name: "fm & ddpm", Properties: []Property{{"backend", "xla:cpu"}}, Cases: []Case{
		{Name: "losses", Took: 1500 * time.Millisecond, Detail: "0.2 <= 0.3"},
		{Name: "speed", Failure: "too slow: 2.1 > 1.5\nstep_ratio of 3 runs", Detail: "values"},
		{Name: "quality", Skipped: "too few seeds"},
		{Name: "both", Failure: "failed", Skipped: "skipped"},
	}},
	{Name: nasty, Properties: []Property{{nasty, nasty}}, Cases: []Case{{Name: nasty, Failure: nasty, Detail: nasty},
		{Name: nasty + "2", Skipped: nasty}, {Name: "3", Detail: nasty}}},
	{Name: "empty"},
}

func TestTheXMLSaysWhatTheChecksSay(t *testing.T) {
	text := string(Encode(suites[:1]))
	for _, want := range []string{
		`<?xml version="1.0" encoding="UTF-8"?>`,
		`<testsuites tests="4" failures="2" errors="0" skipped="1" time="1.500">`,
		`<testsuite name="fm &amp; ddpm" tests="4" failures="2" errors="0" skipped="1" time="1.500">`,
		`<property name="backend" value="xla:cpu"></property>`,
		`<testcase name="losses" classname="fm &amp; ddpm" time="1.500">`,
		`<system-out>0.2 &lt;= 0.3</system-out>`,
		`<failure message="too slow: 2.1 &gt; 1.5" type="check">too slow: 2.1 &gt; 1.5` + "&#xA;step_ratio of 3 runs&#xA;values</failure>",
		`<skipped message="too few seeds"></skipped>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if !bytes.Equal(Encode(suites), Encode(suites)) {
		t.Error("the same checks give another file")
	}
}

// rule says where an element may stand and what it must and may have, as the
// readers of the format expect it.
type rule struct {
	parents          []string
	required, others []string // attributes
	text             bool
}

var rules = map[string]rule{
	"testsuites": {parents: []string{""}, others: []string{"name", "tests", "failures", "errors", "skipped", "time"}},
	"testsuite": {parents: []string{"testsuites"}, required: []string{"name", "tests", "failures", "errors"},
		others: []string{"skipped", "time"}},
	"properties": {parents: []string{"testsuite"}},
	"property":   {parents: []string{"properties"}, required: []string{"name", "value"}},
	"testcase":   {parents: []string{"testsuite"}, required: []string{"name", "classname", "time"}},
	"failure":    {parents: []string{"testcase"}, required: []string{"message", "type"}, text: true},
	"skipped":    {parents: []string{"testcase"}, required: []string{"message"}},
	"system-out": {parents: []string{"testcase"}, text: true},
}

func TestTheXMLKeepsTheRulesOfItsReaders(t *testing.T) {
	for name, list := range map[string][]Suite{"several": suites, "none": nil} {
		t.Run(name, func(t *testing.T) { checkRules(t, Encode(list)) })
	}
}

func checkRules(t *testing.T, data []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(data))
	var stack []string
	counted, declared := map[string]int{}, map[string]int{}
	outcomes := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("it is not well-formed: %v\n%s", err, data)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name, parent := e.Name.Local, ""
			if len(stack) > 0 {
				parent = stack[len(stack)-1]
			}
			r, known := rules[name]
			if !known || !slices.Contains(r.parents, parent) {
				t.Errorf("<%s> in <%s>", name, parent)
			}
			checkAttributes(t, e, r, declared)
			counted[name]++
			if name == "testcase" {
				outcomes = 0
			}
			if name == "failure" || name == "skipped" {
				if outcomes++; outcomes > 1 {
					t.Error("a test case has two outcomes")
				}
			}
			stack = append(stack, name)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if strings.TrimSpace(string(e)) != "" && !rules[stack[len(stack)-1]].text {
				t.Errorf("<%s> has a text: %q", stack[len(stack)-1], e)
			}
			checkText(t, string(e))
		}
	}
	for what, element := range map[string]string{"tests": "testcase", "failures": "failure", "skipped": "skipped"} {
		if declared[what] != counted[element] {
			t.Errorf("it declares %d %s and has %d", declared[what], what, counted[element])
		}
	}
}

func checkAttributes(t *testing.T, e xml.StartElement, r rule, declared map[string]int) {
	t.Helper()
	has := map[string]bool{}
	for _, a := range e.Attr {
		has[a.Name.Local] = true
		if !slices.Contains(r.required, a.Name.Local) && !slices.Contains(r.others, a.Name.Local) {
			t.Errorf("<%s> has an attribute %s", e.Name.Local, a.Name.Local)
		}
		checkText(t, a.Value)
		switch a.Name.Local {
		case "tests", "failures", "errors", "skipped":
			n, err := strconv.Atoi(a.Value)
			if err != nil {
				t.Error(err)
			}
			if e.Name.Local == "testsuite" {
				declared[a.Name.Local] += n
			}
		case "time":
			if _, err := strconv.ParseFloat(a.Value, 64); err != nil || strings.ContainsAny(a.Value, "eE,") {
				t.Errorf("a time is %q", a.Value)
			}
		}
	}
	for _, name := range r.required {
		if !has[name] {
			t.Errorf("<%s> lacks %s", e.Name.Local, name)
		}
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xFFFE }); i >= 0 {
		t.Errorf("a text has a control character at byte %d: %q", i, text)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("a", nasty, "")
	f.Add(nasty, "", nasty)
	f.Fuzz(func(t *testing.T, name, failure, detail string) {
		checkRules(t, Encode([]Suite{{Name: name, Cases: []Case{{Name: name, Failure: failure, Skipped: name, Detail: detail}}}}))
	})
}
