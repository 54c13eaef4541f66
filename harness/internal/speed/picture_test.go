package speed

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flowharness/harness/internal/chart"
)

var update = flag.Bool("update", false, "write docs/pictures/store_queries.svg and its table in docs/performance.md anew")

// measuredQueries is a part of what was printed by
//
//	harness bench --only '^store' --full --rounds 3 --json
type measuredQueries struct {
	Cases []struct {
		Name     string `json:"name"`
		Measures []struct {
			Name   string  `json:"name"`
			Median float64 `json:"median"` // seconds
			Ratio  struct {
				Median float64 `json:"median"`
			} `json:"ratio"`
		} `json:"measures"`
	} `json:"cases"`
}

// TestThePictureAndTheTableOfQueriesAreThoseMeasured: both are made of the
// figures in testdata.
func TestThePictureAndTheTableOfQueriesAreThoseMeasured(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "store_queries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var measured measuredQueries
	if err := json.Unmarshal(text, &measured); err != nil {
		t.Fatal(err)
	}
	docs := filepath.Join("..", "..", "..", "docs")
	sameFile(t, filepath.Join(docs, "pictures", "store_queries.svg"), measured.chart(t).File())

	page := filepath.Join(docs, "performance.md")
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)(<!-- queries -->\n).*(<!-- end of queries -->)`)
	if !block.Match(old) {
		t.Fatalf("%s has no table of queries", page)
	}
	sameFile(t, page, block.ReplaceAllString(string(old), "${1}"+measured.table()+"${2}"))
}

func (m measuredQueries) chart(t *testing.T) chart.Chart {
	c := chart.Chart{Title: "Time of queries against the points in a store", XLabel: "points in the store", YLabel: "seconds",
		LogX: true, LogY: true}
	for i, q := range m.Cases[0].Measures {
		line := chart.Line{Label: q.Name, Color: i, Marked: true}
		for _, of := range m.Cases {
			var exponent float64
			if _, err := fmt.Sscanf(of.Name, "store/10^%g", &exponent); err != nil {
				t.Fatal(err)
			}
			line.Points = append(line.Points, chart.Point{X: math.Pow(10, exponent), Y: of.Measures[i].Median})
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// table has a cell for each query and size: milliseconds, and the ratio to the
// fixed work.
func (m measuredQueries) table() string {
	var b strings.Builder
	b.WriteString("| points |")
	rule := "\n| --- |"
	for _, q := range m.Cases[0].Measures {
		b.WriteString(" " + q.Name + " |")
		rule += " ---: |"
	}
	b.WriteString(rule + "\n")
	for _, of := range m.Cases {
		b.WriteString("| " + strings.TrimSuffix(strings.TrimPrefix(of.Name, "store/"), " points") + " |")
		for _, q := range of.Measures {
			fmt.Fprintf(&b, " %s ms (%s) |", significant(1e3*q.Median, 3), significant(q.Ratio.Median, 2))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// significant writes a number above 0 with so many significant digits, or all that
// stand before the point.
func significant(v float64, digits int) string {
	return strconv.FormatFloat(v, 'f', max(0, digits-1-int(math.Floor(math.Log10(v)))), 64)
}

// sameFile compares a file with what it should be, or with -update writes it.
func sameFile(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what was measured; go test ./harness/internal/speed -run Measured -update writes it", path)
	}
}
