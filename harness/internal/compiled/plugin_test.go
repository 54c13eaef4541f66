package compiled_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	. "github.com/gomlx/gomlx/core/graph"

	"flowharness/harness/internal/backend"
	"flowharness/harness/internal/compiled"
	"flowharness/harness/internal/plugin"
)

// TestFunctionsStandWhereTheHeaderSays counts in the header that go-xla is built with.
func TestFunctionsStandWhereTheHeaderSays(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "pjrt", "pjrt_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("pjrt.c")
	if err != nil {
		t.Fatal(err)
	}
	position := make(map[string]int)
	for i, match := range regexp.MustCompile(`(?m)^ *_PJRT_API_STRUCT_FIELD\((PJRT_\w+)\)`).FindAllSubmatch(header, -1) {
		position[string(match[1])] = i
	}
	for name, theirs := range map[string]string{
		"error_destroy": "PJRT_Error_Destroy", "error_message": "PJRT_Error_Message", "client_compile": "PJRT_Client_Compile",
		"executable_destroy": "PJRT_Executable_Destroy", "executable_serialize": "PJRT_Executable_Serialize",
		"loaded_get_executable":           "PJRT_LoadedExecutable_GetExecutable",
		"executable_deserialize_and_load": "PJRT_Executable_DeserializeAndLoad",
	} {
		match := regexp.MustCompile(`(?m)^\t` + name + ` = (\d+),$`).FindSubmatch(ours)
		if match == nil {
			t.Errorf("pjrt.c does not say where %s stands", name)
			continue
		}
		if got, _ := strconv.Atoi(string(match[1])); got != position[theirs] {
			t.Errorf("%s is %d in pjrt.c, %s is %d in the table", name, got, theirs, position[theirs])
		}
	}
}

// TestALoadedProgramComputesTheSame compiles a program, loads it, and compiles it without a cache.
func TestALoadedProgramComputesTheSame(t *testing.T) {
	dir := ownCache(t)
	first, stats := compute(t, backend.Options{})
	if stats != (compiled.Stats{Compiled: 1}) {
		t.Errorf("the first time: %+v", stats)
	}
	second, stats := compute(t, backend.Options{})
	if stats != (compiled.Stats{Loaded: 1}) {
		t.Errorf("the second time: %+v", stats)
	}
	without, stats := compute(t, backend.Options{NoCache: true})
	if stats != (compiled.Stats{Compiled: 1}) {
		t.Errorf("without a cache: %+v", stats)
	}
	if !slices.Equal(first, second) || !slices.Equal(first, without) {
		t.Errorf("computed %v, then %v, without a cache %v", first, second, without)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}

	t.Setenv(compiled.LimitEnv, "0")
	if _, stats = compute(t, backend.Options{}); stats != (compiled.Stats{Compiled: 1}) {
		t.Errorf("with a limit of 0: %+v", stats)
	}
	t.Setenv(compiled.LimitEnv, "much")
	var complaint string
	if compute(t, backend.Options{Log: func(line string) { complaint = line }}); !strings.Contains(complaint, compiled.LimitEnv) {
		t.Errorf("with a limit that is none: %q", complaint)
	}
}

// TestAProgramThatThePluginCannotLoadIsCompiledAnew puts bytes of no program under the key of one.
func TestAProgramThatThePluginCannotLoadIsCompiledAnew(t *testing.T) {
	dir := ownCache(t)
	want, _ := compute(t, backend.Options{})
	entry := onlyEntry(t, dir)
	if err := compiled.Overwrite(entry, []byte("no program at all")); err != nil {
		t.Fatal(err)
	}
	got, stats := compute(t, backend.Options{})
	if stats != (compiled.Stats{Compiled: 1}) || !slices.Equal(got, want) {
		t.Errorf("%+v, computed %v, want %v", stats, got, want)
	}
	if _, stats = compute(t, backend.Options{}); stats != (compiled.Stats{Loaded: 1}) {
		t.Errorf("afterwards: %+v", stats)
	}
}

// compute runs a program on XLA and says what became of its compilation.
func compute(t *testing.T, o backend.Options) ([]float32, compiled.Stats) {
	t.Helper()
	o.Name = backend.XLACPU
	if o.Log == nil {
		o.Log = func(line string) { t.Error(line) }
	}
	b, err := backend.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	before := compiled.Counts()
	values := MustExecOnce(b.Backend, func(x *Node) *Node { return Sin(Add(Exp(x), ReduceAllSum(x))) }, []float32{1, 2.5,
		-3}).Value().([]float32)
	after := compiled.Counts()
	return values, compiled.Stats{Loaded: after.Loaded - before.Loaded, Compiled: after.Compiled - before.Compiled}
}

// ownCache gives the test a cache of its own, and the plugin of the user.
func ownCache(t *testing.T) string {
	t.Helper()
	t.Cleanup(xdg.Reload) // after the variables have their values again
	t.Setenv(plugin.CacheDirEnv, plugin.CacheDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv(compiled.LimitEnv, "")
	xdg.Reload()
	return compiled.Dir()
}

func onlyEntry(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.program"))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %q, %v", found, err)
	}
	return found[0]
}
