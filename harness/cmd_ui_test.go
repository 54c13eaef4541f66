package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/terminal"
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
		code <- run(ctx, append([]string{"ui"}, args...), streams{in: strings.NewReader(""), out: terminal.To(in), err: terminal.To(&said)})
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
	jar, err := cookiejar.New(nil) // a token is kept in a cookie
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Jar: jar}).Get(address)
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

func TestUIShowsAStoreOnAFullDisk(t *testing.T) {
	path, dir := uiStore(t), t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("this needs the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "harness.db"), data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	if os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o666) == nil {
		t.Fatal("the disk is not full")
	}
	for _, args := range [][]string{nil, {"--read-only"}} {
		address, end := startUI(t, append(args, "--address", "127.0.0.1:0", "--store", filepath.Join(dir, "harness.db"))...)
		if got := status(t, address); got != http.StatusOK {
			t.Errorf("with %v the page of runs is answered with %d", args, got)
		}
		if code, said := end(); code != 0 && code != exitInterrupted {
			t.Errorf("with %v it ended with %d: %s", args, code, said)
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

// TestUIPrintsAddressesThatWork opens every address that it prints.
func TestUIPrintsAddressesThatWork(t *testing.T) {
	path := uiStore(t)
	for _, c := range []struct{ address, host string }{
		{"0.0.0.0:0", ""}, {"[::]:0", ""}, {":0", ""},
		{"localhost:0", "127.0.0.1"}, {"127.0.0.1:0", "127.0.0.1"}, {"0", "127.0.0.1"}, {"localhost", "127.0.0.1"}, {"127.0.0.1", "127.0.0.1"},
	} {
		printed, end := startUI(t, "--store", path, "--address", c.address, "--base-path", "/user/x@y/proxy/8900/", "--token", "a&b")
		code, said := 0, ""
		u, err := url.Parse(printed)
		if err != nil {
			t.Fatal(err)
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err != nil || ip.IsUnspecified() || c.host != "" && u.Hostname() != c.host {
			t.Errorf("--address %s: it is at %s", c.address, printed)
		}
		if u.EscapedPath() != "/user/x@y/proxy/8900/" || u.Query().Get("token") != "a&b" {
			t.Errorf("--address %s: it is at %s", c.address, printed)
		}
		answer := status(t, printed)
		if code, said = end(); code != 0 {
			t.Errorf("exit code %d, said %q", code, said)
		}
		if answer != http.StatusOK {
			t.Errorf("--address %s: %s answers %d", c.address, printed, answer)
		}
		if !strings.Contains(said, "behind a proxy: its address, then /user/x@y/proxy/8900/") {
			t.Errorf("--address %s: it says %q", c.address, said)
		}
	}
}

func TestAddressesOfTheUI(t *testing.T) {
	for _, c := range []struct{ address, host, port string }{
		{"127.0.0.1:8420", "127.0.0.1", "8420"}, {"8938", "127.0.0.1", "8938"}, {"0", "127.0.0.1", "0"}, {":8938", "",
			"8938"}, {"localhost", "localhost", ""},
		{"gpu-box", "gpu-box", ""}, {"gpu-box:80", "gpu-box", "80"}, {"10.0.0.7", "10.0.0.7", ""}, {"::1", "::1", ""}, {"[::1]",
			"::1", ""}, {"[::1]:80", "::1", "80"},
	} {
		if host, port, err := hostAndPort(c.address); host != c.host || port != c.port || err != nil {
			t.Errorf("%q is %q %q, %v", c.address, host, port, err)
		}
	}
	for _, address := range []string{"", " ", "a b", "a/b", "65536", ":http", "1:2:3:x", "localhost:", "user@host:80", "localhost:-1"} {
		if host, port, err := hostAndPort(address); err == nil {
			t.Errorf("%q is %q %q", address, host, port)
		}
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
		{"a port that is none", []string{"--address", ":99999"}, exitUsage, "write it like 127.0.0.1:8420"},
		{"an address of a page", []string{"--address", "http://localhost:8420/"}, exitUsage, "write it like 127.0.0.1:8420"},
		{"no address", []string{"--address", ""}, exitUsage, "write it like 127.0.0.1:8420"},
		{"a base path without a slash", []string{"--base-path", "user/x"}, exitUsage, "write it like /user/x/proxy/8900"},
		{"a base path like those of the pages", []string{"--base-path", "/runs/ui"}, exitUsage, "the pages' own addresses"},
		{"an address that is taken", []string{"--address", strings.Trim(strings.TrimPrefix(taken, "http://"), "/")}, exitFailure,
			"something else listens on"},
		{"a store that is not there", []string{"--store", filepath.Join(t.TempDir(), "none.db")}, exitFailure, "no store at"},
		{"arguments", []string{"runs"}, exitUsage, "expected no arguments"},
	} {
		var said bytes.Buffer
		args := append([]string{"ui", "--store", path}, c.args...)
		if code := run(t.Context(), args, streams{in: strings.NewReader(""), out: terminal.To(io.Discard),
			err: terminal.To(&said)}); code != c.code || !strings.Contains(said.String(), c.want) {
			t.Errorf("%s: exit code %d, said %q", c.name, code, said.String())
		}
	}
}
