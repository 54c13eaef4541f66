package backend

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flowharness/harness/internal/plugin"
	"flowharness/harness/internal/plugin/plugintest"
)

// TestInstallForReal downloads the plugin as a user would, opens it, and finds it again.
func TestInstallForReal(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector aborts a process that has loaded XLA's plugin when it ends")
	}
	if os.Getenv("CI") != "true" && os.Getenv("HARNESS_TEST_INSTALL") == "" {
		t.Skip("it downloads 60 MB; HARNESS_TEST_INSTALL=1 runs it")
	}
	cache := emptyCache(t)
	var log bytes.Buffer
	started := time.Now()
	path, err := Install(t.Context(), "cpu", &log)
	if err != nil {
		t.Fatalf("after %v: %v\n%s", time.Since(started), err, &log)
	}
	t.Logf("after %v:\n%s", time.Since(started), &log)
	if want := filepath.Join(cache, plugin.FileName("cpu")); path != want {
		t.Errorf("installed %s, want %s", path, want)
	}
	origin := plugin.ReadOrigin(path)
	if origin.Package == "" || origin.Version == "" || len(origin.SHA256) != 64 {
		t.Errorf("origin: %+v", origin)
	}
	b, err := Open(Options{Name: XLACPU})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if !strings.Contains(b.Info.PluginVersion, origin.Package+" "+origin.Version) {
		t.Errorf("plugin version %q does not name %+v", b.Info.PluginVersion, origin)
	}
	log.Reset()
	if again, err := Install(t.Context(), "cpu", &log); again != path || err != nil || !strings.Contains(log.String(), "already there") {
		t.Errorf("the second time: %s, error %v, log %q", again, err, &log)
	}
}

// fakePip is a python3 that knows one command, pip download, and obeys the variables WHEEL and HANG.
const fakePip = `#!/bin/sh
for arg; do case $arg in --dest=*) dest=${arg#--dest=};; esac; done
if [ -n "$HANG" ]; then echo half > "$dest/half.whl"; touch "$HANG"; sleep 600; fi
[ -f "$WHEEL" ] || { echo "ERROR: No matching distribution found for xla-cpu-pjrt" >&2; exit 1; }
cp "$WHEEL" "$dest"
`

func TestInstallFromAWheel(t *testing.T) {
	dir := t.TempDir()
	library := filepath.Join(dir, "plugin.so")
	plugintest.Compile(t, library)
	good, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Clone(good)
	foreign[18] = 0xf3 // RISC-V
	const name = "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
	tests := []struct {
		name  string
		wheel []byte
		want  string // part of the error; empty for none
	}{
		{"a plugin is taken out of the wheel", zipped(t, name, good), ""},
		{"a wheel without a plugin", zipped(t, "xla_plugins/__init__.py", nil), "it holds 0 plugins"},
		{"another processor's plugin", zipped(t, name, foreign), "it is built for EM_RISCV"},
		{"half of a plugin", zipped(t, name, good[:len(good)/2]), "truncated"},
		{"half of a wheel", zipped(t, name, good)[:1000], "zip: not a valid zip file"},
		{"a wheel whose checksum is wrong", damaged(zipped(t, name, good)), "checksum error"},
		{"a wheel that does not exist", nil, "No matching distribution found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := emptyCache(t)
			usePip(t)
			if test.wheel != nil {
				wheelFile := filepath.Join(t.TempDir(), "xla_cpu_pjrt-1.2.3-py3-none-any.whl")
				if err := os.WriteFile(wheelFile, test.wheel, 0o644); err != nil {
					t.Fatal(err)
				}
				t.Setenv("WHEEL", wheelFile)
			}
			var log bytes.Buffer
			path, err := install(t.Context(), "cpu", []source{wheel("xla-cpu-pjrt")}, &log)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %q, error %v; want the error to say %q", path, err, test.want)
				}
				expectFiles(t, cache)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expectFiles(t, cache, "pjrt_c_api_cpu_plugin.json", "pjrt_c_api_cpu_plugin.so")
			installed, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(installed, good) {
				t.Errorf("the installed plugin differs (error %v)", err)
			}
			if got := plugin.ReadOrigin(path); got.Package != "xla-cpu-pjrt" || got.Version != "1.2.3" || len(got.SHA256) != 64 {
				t.Errorf("origin: %+v", got)
			}
		})
	}
}

func TestInstallReplacesItsOwnBrokenPlugin(t *testing.T) {
	cache := emptyCache(t)
	target := filepath.Join(cache, plugin.FileName("cpu"))
	if err := os.WriteFile(target, []byte("\x7fELF cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := install(t.Context(), "cpu", []source{compiledPlugin(t)}, new(bytes.Buffer))
	if path != target || err != nil {
		t.Fatalf("got %q, error %v", path, err)
	}
	if err := plugin.CheckFile(target); err != nil {
		t.Error(err)
	}
}

func TestInstallSaysThatABrokenPluginComesFirst(t *testing.T) {
	emptyCache(t)
	search := t.TempDir()
	t.Setenv(plugin.SearchPathEnv, search)
	theirs := filepath.Join(search, plugin.FileName("cpu"))
	if err := os.WriteFile(theirs, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := install(t.Context(), "cpu", []source{compiledPlugin(t)}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), theirs+" is found before it") {
		t.Errorf("got error %v", err)
	}
}

func TestInstallTriesOneSourceAfterTheOther(t *testing.T) {
	emptyCache(t)
	fails := source{"nowhere", func(context.Context, string, io.Writer) (string, plugin.Origin, error) {
		return "", plugin.Origin{}, errors.New("there is nothing here")
	}}
	var log bytes.Buffer
	if _, err := install(t.Context(), "cpu", []source{fails, compiledPlugin(t)}, &log); err != nil || !strings.Contains(log.String(),
		"there is nothing here") {
		t.Errorf("error %v, log %q", err, &log)
	}
	emptyCache(t)
	_, err := install(t.Context(), "cpu", []source{fails}, &log)
	if err == nil || !strings.Contains(err.Error(), "from nowhere: there is nothing here") || !strings.Contains(err.Error(),
		plugin.SearchPathEnv) {
		t.Errorf("got error %v", err)
	}
}

func TestInstallFetchesOnceForManyAtATime(t *testing.T) {
	emptyCache(t)
	var fetches atomic.Int32
	slow := compiledPlugin(t)
	fetch := slow.fetch
	slow.fetch = func(ctx context.Context, staging string, log io.Writer) (string, plugin.Origin, error) {
		fetches.Add(1)
		return fetch(ctx, staging, log)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := install(t.Context(), "cpu", []source{slow}, new(bytes.Buffer)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := fetches.Load(); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

func TestInstallLeavesNothingWhenCancelled(t *testing.T) {
	cache := emptyCache(t)
	usePip(t)
	hanging := filepath.Join(t.TempDir(), "hanging")
	t.Setenv("HANG", hanging)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(hanging); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	started := time.Now()
	_, err := install(ctx, "cpu", []source{wheel("xla-cpu-pjrt"), compiledPlugin(t)}, new(bytes.Buffer))
	if !errors.Is(err, context.Canceled) || time.Since(started) > 10*time.Second {
		t.Errorf("after %v: error %v", time.Since(started), err)
	}
	expectFiles(t, cache)
}

func TestInstallWithoutPython(t *testing.T) {
	emptyCache(t)
	t.Setenv("PATH", t.TempDir())
	_, err := install(t.Context(), "cpu", []source{wheel("xla-cpu-pjrt")}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "python3 is not installed") {
		t.Errorf("got error %v", err)
	}
}

func TestInstallIntoAFolderThatCannotBeWritten(t *testing.T) {
	emptyCache(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(plugin.CacheDirEnv, filepath.Join(file, "cache"))
	_, err := Install(t.Context(), "cpu", new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got error %v", err)
	}
	if _, err := Install(t.Context(), "tpu", new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "use cpu or cuda") {
		t.Errorf("an unknown kind: error %v", err)
	}
}

func TestAdviceForCUDANamesTheFolderThatThePluginSearches(t *testing.T) {
	if runtime.GOOS != "linux" || systemHas("libcublas.so.13") {
		t.Skip("this machine has NVIDIA's libraries")
	}
	cache := emptyCache(t)
	var log bytes.Buffer
	adviseCUDA(plugin.CachePath("cuda"), &log)
	if want := fmt.Sprintf("pip install --target %q nvidia-cublas", cache); !strings.Contains(log.String(), want) {
		t.Errorf("got %q, want it to contain %q", &log, want)
	}
	if err := os.Mkdir(filepath.Join(cache, "nvidia"), 0o755); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if adviseCUDA(plugin.CachePath("cuda"), &log); log.Len() > 0 {
		t.Errorf("with the libraries there: %q", &log)
	}
}

// compiledPlugin is a source of plugins that pass the checks of a file.
func compiledPlugin(t *testing.T) source {
	return source{"the compiler", func(_ context.Context, staging string, _ io.Writer) (string, plugin.Origin, error) {
		file := filepath.Join(staging, "compiled.so")
		plugintest.Compile(t, file)
		return file, plugin.Origin{Package: "compiled"}, nil
	}}
}

// emptyCache makes the harness look for plugins in an empty folder only, and returns it.
func emptyCache(t *testing.T) string {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(plugin.CacheDirEnv, cache)
	t.Setenv(plugin.SearchPathEnv, "")
	t.Setenv("LD_LIBRARY_PATH", "")
	if path, _, err := plugin.Find("cpu", ""); err == nil {
		t.Skipf("go-xla's own plugin is installed: %s", path)
	}
	return cache
}

// usePip puts fakePip before everything else in PATH.
func usePip(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(fakePip), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// expectFiles compares what a cache holds, besides the lock.
func expectFiles(t *testing.T, cache string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		if entry.Name() != ".lock" {
			got = append(got, entry.Name())
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the cache holds %q, want %q", got, want)
	}
}

func zipped(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err == nil {
		_, err = entry.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// damaged changes one byte of the stored file in an archive.
func damaged(archive []byte) []byte {
	archive[len(archive)/2] ^= 1
	return archive
}
