package backend_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/plugin"
	"flowharness/harness/internal/plugin/plugintest"
)

func TestOpenComputes(t *testing.T) {
	for _, name := range []string{backend.Go, backend.XLACPU} {
		t.Run(name, func(t *testing.T) {
			b := open(t, backend.Options{Name: name})
			if b.Info.Requested != name || b.Info.Name != name || len(b.Info.Devices) == 0 || b.Info.Warning != "" {
				t.Errorf("info: %+v", b.Info)
			}
			if (b.Info.PluginPath != "") != (name == backend.XLACPU) || (b.Info.PluginVersion != "") != (name == backend.XLACPU) {
				t.Errorf("plugin: %+v", b.Info)
			}
			got := MustExecOnce(b.Backend, func(x *Node) *Node { return Add(x, x) }, []float32{1, 2.5}).Value().([]float32)
			if !slices.Equal(got, []float32{2, 5}) {
				t.Errorf("x + x = %v", got)
			}
		})
	}
}

func TestOpenAutoTakesXLAWhereThereIsAPlugin(t *testing.T) {
	want := open(t, backend.Options{Name: backend.XLACPU}).Info
	got := open(t, backend.Options{}).Info
	if backend.HasNVIDIA() {
		t.Skip("this machine has a GPU")
	}
	if got.Requested != backend.Auto || got.Name != backend.XLACPU || got.PluginPath != want.PluginPath || got.Warning != "" {
		t.Errorf("got %+v", got)
	}
}

func TestOpenAutoFallsBackToGoWithOneWarning(t *testing.T) {
	if backend.HasNVIDIA() {
		t.Skip("this machine has a GPU")
	}
	empty := noPlugins(t)
	info := open(t, backend.Options{Name: backend.Auto}).Info
	if info.Name != backend.Go || info.Requested != backend.Auto {
		t.Errorf("got %+v", info)
	}
	for _, part := range []string{"pure-Go backend", empty, "harness backend install cpu"} {
		if !strings.Contains(info.Warning, part) {
			t.Errorf("the warning does not contain %q: %s", part, info.Warning)
		}
	}
	if len(info.Tried) == 0 {
		t.Error("nothing was tried")
	}
}

func TestOpenFails(t *testing.T) {
	broken := func(t *testing.T, dir string) string {
		path := filepath.Join(dir, plugin.FileName("cpu"))
		if err := os.WriteFile(path, []byte("not a library"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := func(t *testing.T, dir string) string {
		path := filepath.Join(dir, plugin.FileName("cpu"))
		plugintest.Compile(t, path, "FUNCTIONS=20", "MINOR=5")
		return path
	}
	tests := []struct {
		name  string
		opts  func(t *testing.T, dir string) backend.Options
		wants []string
	}{
		{"an unknown name", func(*testing.T, string) backend.Options { return backend.Options{Name: "xla:gpu"} },
			[]string{`unknown backend "xla:gpu"`, "auto, xla:cpu, xla:cuda, go"}},
		{"no plugin", func(*testing.T, string) backend.Options { return backend.Options{Name: backend.XLACPU} },
			[]string{"no XLA plugin", "harness backend install cpu"}},
		{"a named plugin that is missing, under auto", func(_ *testing.T, dir string) backend.Options {
			return backend.Options{Name: backend.Auto, Plugin: filepath.Join(dir, "no.so")}
		}, []string{"no.so: does not exist", "harness backend install cpu"}},
		{"a named plugin that is broken, under auto", func(t *testing.T, dir string) backend.Options {
			return backend.Options{Plugin: broken(t, dir)}
		}, []string{"not an ELF shared library", "remove it or name another one"}},
		{"a broken plugin on the search path", func(t *testing.T, dir string) backend.Options {
			broken(t, dir)
			return backend.Options{Name: backend.XLACPU}
		}, []string{"not an ELF shared library", "remove it or name another one"}},
		{"a plugin that is too old", func(t *testing.T, dir string) backend.Options {
			return backend.Options{Name: backend.XLACPU, Plugin: old(t, dir)}
		}, []string{"too old: it implements PJRT API v0.5", "harness backend install cpu"}},
		{"a path that go-xla would misread", func(t *testing.T, dir string) backend.Options {
			path := filepath.Join(dir, "a,tf32=true.so")
			plugintest.Compile(t, path)
			return backend.Options{Name: backend.XLACPU, Plugin: path}
		}, []string{"comma"}},
		{"a plugin for the backend that uses none", func(*testing.T, string) backend.Options {
			return backend.Options{Name: backend.Go, Plugin: "x.so"}
		}, []string{"uses no plugin"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := backend.Open(test.opts(t, noPlugins(t)))
			if err == nil {
				t.Fatal("it opens")
			}
			for _, want := range test.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not contain %q: %v", want, err)
				}
			}
		})
	}
	t.Run("CUDA without a GPU", func(t *testing.T) {
		if backend.HasNVIDIA() {
			t.Skip("this machine has a GPU")
		}
		if _, err := backend.Open(backend.Options{Name: backend.XLACUDA}); err == nil || !strings.Contains(err.Error(), "no NVIDIA GPU found") {
			t.Errorf("got error %v", err)
		}
	})
}

// open opens a backend. Where there is no plugin the test is skipped, or fails if CI is "true".
func open(t *testing.T, opts backend.Options) *backend.Backend {
	t.Helper()
	if opts.Name == backend.XLACPU {
		plugintest.Open(t, opts.Name)
	}
	b, err := backend.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// noPlugins hides this machine's plugins and returns the one folder that is searched.
func noPlugins(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("LD_LIBRARY_PATH", "")
	t.Setenv(plugin.CacheDirEnv, filepath.Join(dir, "cache"))
	t.Setenv(plugin.SearchPathEnv, dir)
	if path, tried, err := plugin.Find("cpu", ""); err == nil {
		t.Skipf("a plugin is installed for all users: %s (%s)", path, tried)
	}
	return dir
}
