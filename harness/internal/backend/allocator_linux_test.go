package backend_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/backend"
)

// TestMain lets the test program play a program that tunes its allocator: it prints what it sees.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "tune-allocator") {
		backend.TuneAllocator()
		b, err := backend.Open(backend.Options{Name: backend.Go})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("%d %q\nstarted with %q\nchildren get %q\nleft over %q\n", os.Getpid(), os.Args[1:], b.Info.Allocator,
			os.Getenv("GLIBC_TUNABLES"), os.Getenv("HARNESS_TUNED"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTuneAllocator(t *testing.T) {
	tests := []struct {
		name    string
		env     []string
		started string // part of what GLIBC_TUNABLES was in the end
		inherit string
	}{
		{"the program is started again with settings that its children do not get", nil, "glibc.malloc.hugetlb=1:", ""},
		{"the user's own settings stay", []string{"GLIBC_TUNABLES=glibc.malloc.check=0"}, `"glibc.malloc.check=0"`, "glibc.malloc.check=0"},
		{"no settings at all are the user's choice too", []string{"GLIBC_TUNABLES="}, `""`, ""},
		{"it can be turned off", []string{"HARNESS_NO_REEXEC=1"}, `""`, ""},
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(self, "tune-allocator", "an argument", "")
			cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
				return strings.HasPrefix(v, "GLIBC_TUNABLES=") || strings.HasPrefix(v, "HARNESS_")
			}), test.env...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			lines := strings.Split(string(out), "\n")
			if want := fmt.Sprintf(`%d ["tune-allocator" "an argument" ""]`, cmd.Process.Pid); lines[0] != want {
				t.Errorf("process and arguments: got %s, want %s", lines[0], want)
			}
			if !strings.Contains(lines[1], test.started) {
				t.Errorf("got %s, want %s", lines[1], test.started)
			}
			if want := fmt.Sprintf("children get %q", test.inherit); lines[2] != want || lines[3] != `left over ""` {
				t.Errorf("got %s, %s; want %s", lines[2], lines[3], want)
			}
		})
	}
}
