// Package terminaltest opens terminals for tests.
package terminaltest

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Open opens a terminal of a size. Its screen returns what has been written to it, as it was written, and closes it.
func Open(t testing.TB, columns, rows uint16) (terminal *os.File, screen func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be opened here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	unlock := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	number, numberErr := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if unlock != nil || numberErr != nil {
		t.Fatal(unlock, numberErr)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	asWritten(t, terminal)
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	written := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error when the other side is closed
		written <- string(b)
	}()
	return terminal, func() string {
		_ = terminal.Close()
		return <-written
	}
}

// asWritten keeps the terminal from turning "\n" into "\r\n".
func asWritten(t testing.TB, terminal *os.File) {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	state.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, state); err != nil {
		t.Fatal(err)
	}
}
