package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/rivo/uniseg"
)

func TestLinesAreBrokenByWhatATerminalShows(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"abcdefgh ij", 3, []string{"abc", "def", "gh", "ij"}},
		{"学習率 模型 の 比較", 6, []string{"学習率", "模型", "の", "比較"}},
		{"学習率模型", 5, []string{"学習", "率模", "型"}},
		{"学習", 1, []string{"学", "習"}},                                         // there is no less
		{"ne\u0301e\u0301e\u0301", 2, []string{"ne\u0301", "e\u0301e\u0301"}}, // accents stay with their letters
		{"🇩🇪🇫🇷", 2, []string{"🇩🇪", "🇫🇷"}},
		{"as it is", 0, []string{"as it is"}},
		{"", 4, []string{""}},
	} {
		if diff := cmp.Diff(c.want, Wrap(c.text, c.width)); diff != "" {
			t.Errorf("%q in %d columns (-want +got):\n%s", c.text, c.width, diff)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range []string{"one two three", "学習率 模型", "ne\u0301e\u0301 ", "👩\u200d🔬🇩🇪", "a\xffb", "  "} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		if width < 1 || width > 200 || len(text) > 1000 || strings.ContainsRune(text, '\x1b') {
			t.Skip()
		}
		lines := Wrap(text, width)
		if got, want := strings.ReplaceAll(strings.Join(lines, ""), " ", ""), strings.ReplaceAll(text, " ", ""); got != want {
			t.Errorf("%q became %q", text, lines)
		}
		for _, line := range lines {
			if w := displayWidth(line); w > width && uniseg.GraphemeClusterCount(line) > 1 {
				t.Errorf("%q takes %d columns, not %d", line, w, width)
			}
		}
	})
}

// TestWideTablesFit renders tables of wide characters as the commands do.
func TestWideTablesFit(t *testing.T) {
	whole := Table{ID: "x", Title: "比較", Header: table.Row{"run", "名前", "metric"}, turns: true}
	for i := range 6 {
		whole.Rows = append(whole.Rows, table.Row{fmt.Sprintf("模型-%d", i), strings.Repeat("学習率 ", 8), "0.123 ± 0.01"})
	}
	for _, width := range []int{40, 60, 80} {
		for _, part := range Fit(whole, width) {
			w := table.NewWriter()
			w.AppendHeader(part.Header)
			w.AppendRows(part.Rows)
			w.Style().Options = table.OptionsNoBordersAndSeparators
			for line := range strings.Lines(w.Render()) {
				if got := displayWidth(strings.TrimRight(line, "\n")); got > width {
					t.Errorf("a line of %d columns in %d: %s", got, width, line)
				}
			}
		}
	}
}
