package plugin_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowharness/harness/internal/plugin"
)

func TestFindTakesTheFirstPlaceThatHoldsAPlugin(t *testing.T) {
	const cpu = "pjrt_c_api_cpu_plugin.so"
	tests := []struct {
		name     string
		files    []string // that exist, below the root
		explicit string
		search   string // PJRT_PLUGIN_LIBRARY_PATH, folders below the root
		kind     string
		want     string
	}{
		{"an explicit file comes before all", []string{"mine/x.so", "env/" + cpu, "cache/" + cpu}, "mine/x.so", "env", "cpu", "mine/x.so"},
		{"an explicit folder comes before all", []string{"mine/" + cpu, "env/" + cpu}, "mine", "env", "cpu", "mine/" + cpu},
		{"an explicit file that is missing is not replaced", []string{"env/" + cpu, "cache/" + cpu}, "mine/x.so", "env", "cpu", ""},
		{"the search path comes before the cache", []string{"env/" + cpu, "cache/" + cpu}, "", "env", "cpu", "env/" + cpu},
		{"the search path is searched in order", []string{"b/" + cpu, "a/" + cpu}, "", "empty:a:b", "cpu", "a/" + cpu},
		{"the cache comes before go-xla's folders", []string{"cache/" + cpu, "home/.local/lib/go-xla/" + cpu}, "", "empty", "cpu",
			"cache/" + cpu},
		{"go-xla's folders come last", []string{"home/.local/lib/go-xla/" + cpu}, "", "", "cpu", "home/.local/lib/go-xla/" + cpu},
		{"go-xla's newest version is taken", []string{"env/pjrt_c_api_cpu_v0.9.0_plugin.so",
			"env/pjrt_c_api_cpu_v0.114.0_plugin.so", "env/pjrt_c_api_cpu_v0.83.1_plugin.so"}, "", "env", "cpu",
			"env/pjrt_c_api_cpu_v0.114.0_plugin.so"},
		{"a name without version comes before versions", []string{"env/" + cpu, "env/pjrt_c_api_cpu_v0.114.0_plugin.so"}, "", "env",
			"cpu", "env/" + cpu},
		{"other kinds and other names are passed over", []string{"env/pjrt_c_api_cuda_plugin.so", "env/pjrt_c_api_cpu_v1_plugin.so",
			"env/pjrt_c_api_cpu_v0.9.0_plugin.so.part"}, "", "env", "cpu", ""},
		{"CUDA's place in the cache", []string{"cache/cuda/pjrt_c_api_cuda_plugin.so", "cache/" + cpu}, "", "", "cuda",
			"cache/cuda/pjrt_c_api_cuda_plugin.so"},
		{"odd characters in a path are kept", []string{"ödd dir,'\"/" + cpu}, "", "ödd dir,'\"", "cpu", "ödd dir,'\"/" + cpu},
		{"a file in place of a folder holds nothing", []string{"env"}, "", "env", "cpu", ""},
		{"nowhere is one", nil, "", "env", "cpu", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range test.files {
				write(t, filepath.Join(root, file), nil)
			}
			var search []string
			for dir := range strings.SplitSeq(test.search, ":") {
				if dir != "" {
					search = append(search, filepath.Join(root, dir))
				}
			}
			t.Setenv("HOME", filepath.Join(root, "home"))
			t.Setenv("LD_LIBRARY_PATH", "")
			t.Setenv(plugin.CacheDirEnv, filepath.Join(root, "cache"))
			t.Setenv(plugin.SearchPathEnv, strings.Join(search, ":"))
			explicit := test.explicit
			if explicit != "" {
				explicit = filepath.Join(root, explicit)
			}
			got, tried, err := plugin.Find(test.kind, explicit)
			if test.want != "" {
				if want := filepath.Join(root, test.want); got != want || err != nil {
					t.Errorf("got %q, error %v; want %q", got, err, want)
				}
				if len(tried) == 0 || !strings.Contains(tried[len(tried)-1], got) {
					t.Errorf("tried does not end with the plugin: %q", tried)
				}
				return
			}
			var missing *plugin.NotFoundError
			if got != "" || !errors.As(err, &missing) {
				t.Fatalf("got %q, error %v; want that none is found", got, err)
			}
			for _, part := range []string{"harness backend install " + test.kind, tried[0]} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not contain %q: %v", part, err)
				}
			}
		})
	}
}

func TestFindReturnsTheRealPath(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "real", "xla_cuda_plugin.so")
	write(t, file, nil)
	link := filepath.Join(root, plugin.FileName("cuda"))
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if got, _, err := plugin.Find("cuda", root); got != file || err != nil {
		t.Errorf("got %q, error %v; want %q", got, err, file)
	}
}

func TestAdviceReplacesOnlyTheHarnesssOwnPlugin(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(plugin.CacheDirEnv, root)
	own := plugin.CachePath("cpu")
	write(t, own, nil)
	if got := plugin.Advice(own); !strings.HasPrefix(got, "to replace it") {
		t.Errorf("own plugin: %q", got)
	}
	if got := plugin.Advice("/opt/pjrt_c_api_cuda_plugin.so"); !strings.HasPrefix(got, "remove it") || !strings.HasSuffix(got,
		"install cuda") {
		t.Errorf("another's plugin: %q", got)
	}
}
