package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestTablesAreColumnsUnderTheirTitles(t *testing.T) {
	for _, c := range []struct {
		name  string
		table *Table
		want  string
	}{
		{"titles", NewTable("run", "loss"), " RUN  LOSS \n-----------\n a    10   \n b    9    \n"},
		{"names", &Table{Header: []any{"run", "loss"}, Names: true, Numbers: []bool{1: true}},
			" run  loss \n-----------\n a      10 \n b       9 \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.table.Add("a", "10")
			c.table.Add("b", "9")
			var out bytes.Buffer
			c.table.Print(To(&out))
			if out.String() != c.want {
				t.Errorf("got\n%s, want\n%s", out.String(), c.want)
			}
			if got := strings.Join(c.table.Lines(), "\n") + "\n"; got != c.want {
				t.Errorf("as lines\n%s", got)
			}
		})
	}
}

// TestColumnsAreLeftOutFromTheHighestRank, until the table fits.
func TestColumnsAreLeftOutFromTheHighestRank(t *testing.T) {
	for width, want := range map[int]string{0: "[0 1 2 3 4]", 60: "[0 1 2 3 4]", 59: "[0 1 2 3]", 24: "[0 1]", 23: "[0]", 1: "[0]"} {
		table := NewTable()
		var cells []any
		for i := range 5 {
			table.Header = append(table.Header, fmt.Sprintf("train.key%d", i))
			table.Numbers = append(table.Numbers, i == 3)
			cells = append(cells, i)
		}
		table.Add(cells...)
		left := table.Narrow(width, func(column int) int { return column })
		if got := fmt.Sprint(table.Rows[0]); got != want || len(table.Header)+len(left) != 5 || len(table.Header) != len(table.Rows[0]) {
			t.Errorf("at %d: %s are shown and %v left out, want %s", width, got, left, want)
		}
		if number := len(table.Numbers) > 3 && table.Numbers[3]; number != (len(table.Header) > 3) {
			t.Errorf("at %d: the columns of numbers are %v", width, table.Numbers)
		}
	}
}
