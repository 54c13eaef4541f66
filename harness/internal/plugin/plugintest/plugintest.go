// Package plugintest opens backends for tests.
package plugintest

import (
	"errors"
	"os"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"

	"flowharness/harness/internal/plugin"
)

// Open opens the backend "go" or "xla:cpu" and finalizes it when the test ends. XLA's plugin is looked for as in a
// run. Where there is none the test is skipped, or fails if the environment variable CI is "true"; a plugin
// that is there but cannot be used always fails it.
func Open(t testing.TB, name string) compute.Backend {
	t.Helper()
	var b compute.Backend
	var err error
	switch name {
	case "go":
		b, err = gobackend.New("")
	case "xla:cpu":
		b, err = xla.New(pluginPath(t))
	default:
		t.Fatalf("no backend %q for tests", name)
	}
	if err != nil {
		t.Fatalf("opening backend %s: %v", name, err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func pluginPath(t testing.TB) string {
	t.Helper()
	path, _, err := plugin.Find("cpu", "")
	var missing *plugin.NotFoundError
	if errors.As(err, &missing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err == nil {
		err = plugin.CheckFile(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
