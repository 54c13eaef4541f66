// Package junit writes the outcome of checks as JUnit XML, the format in which
// GitHub's test reporters, GitLab and Jenkins read test results.
//
// There is no standard of it. What is written here is what all three take, after
// the schema that Jenkins' xUnit plugin publishes: a testsuites element with
// testsuite elements, each with testcase elements of which each has at most one
// of failure and skipped.
package junit

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Suite is a group of checks, such as those of one variant.
type Suite struct {
	Name  string
	Cases []Case
	// Properties describe what was checked; they are optional.
	Properties []Property
}

// Case is one check. Names must be unique in a suite: Jenkins and GitLab follow a
// test from run to run by suite and name.
type Case struct {
	Name    string
	Failure string        // why it failed; empty if it did not
	Skipped string        // why it was not made; empty if it was. A failure counts before it
	Detail  string        // further text, such as the values; may be empty
	Took    time.Duration // 0 if not known
}

// Property is a named value.
type Property struct{ Name, Value string }

// Encode writes suites as JUnit XML. What XML cannot hold (control characters,
// halves of surrogate pairs, bytes that are no UTF-8) is replaced by U+FFFD.
// Equal suites give equal bytes: there is no time of writing in it.
func Encode(suites []Suite) []byte {
	document := xmlSuites{Suites: make([]xmlSuite, 0, len(suites))}
	var total time.Duration
	for _, s := range suites {
		suite := newSuite(s)
		document.Tests += suite.Tests
		document.Failures += suite.Failures
		document.Skipped += suite.Skipped
		total += duration(s)
		document.Suites = append(document.Suites, suite)
	}
	document.Time = seconds(total)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "  ")
	if err := encoder.Encode(document); err != nil {
		panic(fmt.Sprintf("junit: %v", err)) // of strings and numbers written to memory
	}
	b.WriteByte('\n')
	return b.Bytes()
}

type xmlSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Time     string     `xml:"time,attr"`
	Suites   []xmlSuite `xml:"testsuite"`
}

type xmlSuite struct {
	Name       string         `xml:"name,attr"`
	Tests      int            `xml:"tests,attr"`
	Failures   int            `xml:"failures,attr"`
	Errors     int            `xml:"errors,attr"`
	Skipped    int            `xml:"skipped,attr"`
	Time       string         `xml:"time,attr"`
	Properties *xmlProperties `xml:"properties"`
	Cases      []xmlCase      `xml:"testcase"`
}

type xmlProperties struct {
	List []xmlProperty `xml:"property"`
}

type xmlProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type xmlCase struct {
	Name      string      `xml:"name,attr"`
	Classname string      `xml:"classname,attr"`
	Time      string      `xml:"time,attr"`
	Failure   *xmlOutcome `xml:"failure"`
	Skipped   *xmlOutcome `xml:"skipped"`
	SystemOut string      `xml:"system-out,omitempty"`
}

// xmlOutcome is a failure, whose text is what GitLab shows, or a reason for
// skipping, of which all read the message alone.
type xmlOutcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func newSuite(s Suite) xmlSuite {
	suite := xmlSuite{Name: clean(s.Name), Tests: len(s.Cases), Time: seconds(duration(s)), Cases: make([]xmlCase, 0, len(s.Cases))}
	if len(s.Properties) > 0 {
		suite.Properties = &xmlProperties{}
		for _, p := range s.Properties {
			suite.Properties.List = append(suite.Properties.List, xmlProperty{clean(p.Name), clean(p.Value)})
		}
	}
	for _, c := range s.Cases {
		x := xmlCase{Name: clean(c.Name), Classname: suite.Name, Time: seconds(c.Took)}
		detail := clean(c.Detail)
		switch {
		case c.Failure != "":
			suite.Failures++
			x.Failure = &xmlOutcome{Message: line(clean(c.Failure)), Type: "check", Text: strings.TrimSpace(clean(c.Failure) + "\n" + detail)}
		case c.Skipped != "":
			suite.Skipped++
			x.Skipped = &xmlOutcome{Message: line(clean(c.Skipped))}
			x.SystemOut = detail
		default:
			x.SystemOut = detail
		}
		suite.Cases = append(suite.Cases, x)
	}
	return suite
}

func duration(s Suite) (total time.Duration) {
	for _, c := range s.Cases {
		total += c.Took
	}
	return total
}

// seconds is a duration as all readers parse it: without exponent or grouping.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// clean replaces what must not be in XML, and what could rewrite a terminal that
// a report is printed to.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r == 0xFFFE, r == 0xFFFF:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// line is the first line of a text.
func line(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
