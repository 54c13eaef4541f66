package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/store"
)

// startUI runs harness ui with these arguments and returns the address that it
// prints. end ends it and gives its exit code and what it said.
func startUI(t *testing.T, args ...string) (address string, end func() (code int, said string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var said bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"ui"}, args...), streams{in: strings.NewReader(""), out: in, err: &said})
		in.Close()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	end = func() (int, string) {
		cancel()
		c := <-code
		return c, said.String()
	}
	if err != nil {
		c, text := end()
		t.Fatalf("exit code %d: %s", c, text)
	}
	t.Cleanup(cancel)
	return strings.TrimSpace(address), end
}

func uiStore(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "harness.db")
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func status(t *testing.T, address string) int {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestUIServesThisMachineOnly(t *testing.T) {
	path := uiStore(t)
	first, end := startUI(t, "--store", path)
	if !strings.HasPrefix(first, "http://127.0.0.1:") || strings.Contains(first, "token") {
		t.Errorf("it is at %s", first)
	}
	if got := status(t, first); got != http.StatusOK {
		t.Errorf("%s answers %d", first, got)
	}
	second, endSecond := startUI(t, "--store", path, "--read-only")
	if second == first {
		t.Errorf("two servers are at %s", first)
	}
	if got := status(t, second); got != http.StatusOK {
		t.Errorf("%s answers %d", second, got)
	}
	for _, end := range []func() (int, string){endSecond, end} {
		if code, said := end(); code != 0 || !strings.Contains(said, path) {
			t.Errorf("exit code %d, said %q", code, said)
		}
	}
}

func TestUIWantsATokenOfOtherMachines(t *testing.T) {
	address, end := startUI(t, "--store", uiStore(t), "--address", "0.0.0.0:0")
	bare, token, ok := strings.Cut(address, "?token=")
	if !ok || len(token) < 20 {
		t.Fatalf("it is at %s, without a token to speak of", address)
	}
	if got := status(t, bare); got != http.StatusUnauthorized {
		t.Errorf("without the token it answers %d", got)
	}
	if code, said := end(); code != 0 {
		t.Errorf("exit code %d, said %q", code, said)
	}
}

func TestUIRefuses(t *testing.T) {
	path := uiStore(t)
	taken, end := startUI(t, "--store", path, "--address", "127.0.0.1:0")
	defer end()
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"an address without a port", []string{"--address", "localhost"}, exitUsage, "write it like 127.0.0.1:8420"},
		{"an address that is taken", []string{"--address", strings.Trim(strings.TrimPrefix(taken, "http://"), "/")}, exitFailure, "something else listens on"},
		{"a store that is not there", []string{"--store", filepath.Join(t.TempDir(), "none.db")}, exitFailure, "no store at"},
		{"arguments", []string{"runs"}, exitUsage, "expected no arguments"},
	} {
		var said bytes.Buffer
		args := append([]string{"ui", "--store", path}, c.args...)
		if code := run(t.Context(), args, streams{in: strings.NewReader(""), out: io.Discard, err: &said}); code != c.code || !strings.Contains(said.String(), c.want) {
			t.Errorf("%s: exit code %d, said %q", c.name, code, said.String())
		}
	}
}
