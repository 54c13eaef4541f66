package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"flowharness/harness/internal/fault"
)

func TestAnErrorKeepsItsKindAndItsRemedyWhenItIsWrapped(t *testing.T) {
	gone := fault.New(fault.NotFound, "gone")
	helped := fault.WithRemedy(fmt.Errorf("run a: %w", gone), fault.TakeOutOfTrash, "a")
	for _, c := range []struct {
		name   string
		err    error
		kind   fault.Kind
		remedy fault.Action
		text   string
	}{
		{"nothing", nil, "", "", ""},
		{"a failure", io.ErrUnexpectedEOF, "", "", "unexpected EOF"},
		{"a sentinel", gone, fault.NotFound, "", "gone"},
		{"wrapped", fmt.Errorf("here: %w", gone), fault.NotFound, "", "here: gone"},
		{"with a remedy", helped, fault.NotFound, fault.TakeOutOfTrash, "run a: gone"},
		{"with a remedy, wrapped", fmt.Errorf("here: %w", helped), fault.NotFound, fault.TakeOutOfTrash, "here: run a: gone"},
		{"of another kind", fault.As(fault.Invalid, helped), fault.Invalid, fault.TakeOutOfTrash, "run a: gone"},
		{"of another kind, with other words", fault.Errorf(fault.Conflict, "there: %w", helped), fault.Conflict, fault.TakeOutOfTrash,
			"there: run a: gone"},
		{"a remedy against a failure", fault.WithRemedy(io.EOF, fault.FreeSpace), "", fault.FreeSpace, "EOF"},
		{"joined", errors.Join(helped), fault.NotFound, fault.TakeOutOfTrash, "run a: gone"},
		{"no error", fault.WithRemedy(fault.As(fault.Invalid, nil), fault.FreeSpace), "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fault.Of(c.err); got != c.kind {
				t.Errorf("kind %q, want %q", got, c.kind)
			}
			if got := fault.RemedyOf(c.err); got.Action != c.remedy {
				t.Errorf("remedy %q, want %q", got.Action, c.remedy)
			}
			if c.err != nil && c.err.Error() != c.text {
				t.Errorf("says %q, want %q", c.err, c.text)
			}
		})
	}
	if !errors.Is(helped, gone) {
		t.Error("a remedy hides the error")
	}
}
