package printable

import "testing"

func TestWhatCannotBeSeenIsADot(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain text", "lr = 1e-3, größer als α", "lr = 1e-3, größer als α"},
		{"a terminal's escape", "\x1b[2Jgone", "·[2Jgone"},
		{"lines and tabs", "a\nb\tc\r", "a·b·c·"},
		{"text that runs the other way", "a\u202eb", "a·b"},
		{"a letter that joins as its script needs it", "می\u200cخواهم", "می\u200cخواهم"},
		{"the same where it only hides", "a\u200cb", "a·b"},
		{"bytes that are no text", "a\xffb", "a·b"},
	} {
		if got := Clean(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
