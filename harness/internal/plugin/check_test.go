package plugin_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"flowharness/harness/internal/plugin"
	"flowharness/harness/internal/plugin/plugintest"
)

// elfMachine is the offset of the processor in an ELF header, little endian.
const elfMachine = 18

func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.so")
	plugintest.Compile(t, good)
	whole := read(t, good)

	other := map[string]struct {
		machine byte
		name    string
	}{"amd64": {0xb7, "aarch64"}, "arm64": {0x3e, "x86_64"}}[runtime.GOARCH]
	foreign := bytes.Clone(whole)
	foreign[elfMachine] = other.machine
	executable := bytes.Clone(whole)
	executable[16] = 2 // ET_EXEC
	unrelated := bytes.ReplaceAll(whole, []byte("GetPjrtApi"), []byte("GetOtherIt"))
	small := make([]byte, 52) // the header of a 32-bit ARM library
	copy(small, "\x7fELF\x01\x01\x01")
	small[16], small[elfMachine], small[20], small[40], small[42], small[46] = 3, 0x28, 1, 52, 32, 40

	tests := []struct {
		name string
		data []byte
		want string // part of the error; empty for none
	}{
		{"a plugin passes", whole, ""},
		{"an empty file is no library", nil, "not an ELF shared library"},
		{"a web page is no library", []byte("<html>404</html>"), "not an ELF shared library"},
		{"only the magic number is there", []byte("\x7fELF"), "truncated or damaged"},
		{"half of a plugin is there", whole[:len(whole)/2], "truncated"},
		{"another processor's plugin", foreign, "it is built for " + other.name},
		{"a 32-bit library", small, "(32 bit), this machine is"},
		{"an executable", executable, "not a shared library"},
		{"a library that is no plugin", unrelated, "does not export GetPjrtApi"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), plugin.FileName("cpu"))
			write(t, path, test.data)
			err := plugin.CheckFile(path)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got error %v, want it to name the file and say %q", err, test.want)
			}
		})
	}
	t.Run("a plugin cut anywhere fails", func(t *testing.T) {
		path := filepath.Join(dir, "cut.so")
		for n := 0; n < len(whole); n += 97 {
			write(t, path, whole[:n])
			if plugin.CheckFile(path) == nil {
				t.Fatalf("%d of %d bytes pass", n, len(whole))
			}
		}
	})
	t.Run("a folder fails", func(t *testing.T) {
		if err := plugin.CheckFile(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Error(err)
		}
	})
}

func FuzzCheckFile(f *testing.F) {
	good := filepath.Join(f.TempDir(), "good.so")
	plugintest.Compile(f, good)
	f.Add(read(f, good))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "plugin.so")
		write(t, path, data)
		_ = plugin.CheckFile(path) // must not panic
	})
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name   string
		macros []string
		want   string
	}{
		{"a current plugin passes", nil, ""},
		{"a plugin with just the functions that are needed passes", []string{"FUNCTIONS=97"}, ""},
		{"a plugin with one function less is too old", []string{"FUNCTIONS=96", "MINOR=40"},
			"too old: it implements PJRT API v0.40 with 96 functions, this program needs 97"},
		{"a plugin of an incompatible version", []string{"MAJOR=1"}, "implements PJRT API v1.81, this program needs v0.x"},
		{"a plugin without a table", []string{"TABLE=NULL"}, "it returned no table of functions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), plugin.FileName("cpu"))
			plugintest.Compile(t, path, test.macros...)
			if err := plugin.CheckFile(path); err != nil {
				t.Fatal(err)
			}
			version, _, err := plugin.Probe(path)
			switch {
			case test.want == "" && (err != nil || version != plugin.Version{Minor: 81}):
				t.Errorf("got %v, error %v", version, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path)):
				t.Errorf("got error %v, want it to name the file and say %q", err, test.want)
			}
		})
	}
	t.Run("what the loader says is passed on", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "absent.so")
		if _, _, err := plugin.Probe(path); err == nil || !strings.Contains(err.Error(), "No such file") {
			t.Errorf("got error %v", err)
		}
	})
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
