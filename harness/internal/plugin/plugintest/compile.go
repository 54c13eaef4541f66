package plugintest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Compile builds a shared library from testdata/plugin.c of package plugin into a file, with the given macros
// ("MINOR=3") instead of those that make it look like a current plugin. It has no working functions: it is for
// tests of what happens before a plugin is used.
func Compile(t testing.TB, file string, macros ...string) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	args := []string{"-shared", "-fPIC", "-o", file, filepath.Join(filepath.Dir(here), "..", "testdata", "plugin.c")}
	for name, value := range map[string]string{"MAJOR": "0", "MINOR": "81", "FUNCTIONS": "130", "TABLE": "&api"} {
		for _, macro := range macros {
			if v, ok := strings.CutPrefix(macro, name+"="); ok {
				value = v
			}
		}
		args = append(args, "-D"+name+"="+value)
	}
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("compiling a plugin: %v\n%s", err, out)
	}
}
