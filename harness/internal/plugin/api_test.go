package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFunctionsNeededCoversGoXLA counts in go-xla's own sources, so that an update of go-xla cannot outgrow the
// oldest plugin that is accepted.
func TestFunctionsNeededCoversGoXLA(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "pjrt")
	header, err := os.ReadFile(filepath.Join(dir, "pjrt_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	index := make(map[string]int)
	for i, match := range regexp.MustCompile(`(?m)^ *_PJRT_API_STRUCT_FIELD\((PJRT_\w+)\)`).FindAllSubmatch(header, -1) {
		index[string(match[1])] = i + 1
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources in %s: %v", dir, err)
	}
	last := 0
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`C\.call_(PJRT_\w+)`).FindAllSubmatch(text, -1) {
			if string(match[1]) == "PJRT_Buffer_Bitcast" {
				continue // newer than the wheels; only a method that GoMLX does not use calls it
			}
			i, known := index[string(match[1])]
			if !known {
				t.Errorf("%s is not in the table of functions", match[1])
			}
			last = max(last, i)
		}
	}
	if last != functionsNeeded {
		t.Errorf("go-xla calls functions up to the %d. of the table, functionsNeeded is %d", last, functionsNeeded)
	}
}

func TestExplain(t *testing.T) {
	tests := []struct{ name, message, want string }{
		{"a newer C library is needed", "/lib/libc.so.6: version `GLIBC_2.38' not found", "use a newer system"},
		{"the C++ library is missing", "libstdc++.so.6: cannot open shared object file: No such file", "apt-get install libstdc++6"},
		{"another library is missing", "libcudnn.so.9: cannot open shared object file: No such file", "LD_LIBRARY_PATH"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := explain(test.message); !strings.HasPrefix(got, test.message) || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want the message and %q", got, test.want)
			}
		})
	}
}
