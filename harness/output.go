package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/printable"
)

// checkedWriter remembers that something could not be written: half of what was
// asked for is a failure, even if each print is not asked whether it worked.
type checkedWriter struct {
	io.Writer
	err error
}

func (w *checkedWriter) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}

// printJSON writes a value as indented JSON.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// clean makes text from a config or a store safe to print.
func clean(s string) string { return printable.Clean(s) }

// outFile is a file that a command writes where it is told to. All are written through it, so that none is written over
// what would be missed.
type outFile struct {
	path  string
	kind  files.Kind
	force bool // replace a file of another kind
}

// addForce adds the flag --force to a command that writes files.
func addForce(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "replace a file of another kind (never a store)")
}

// check says why the file cannot be written, before the work of making what goes into it.
func (f outFile) check() error {
	if f.path == "" {
		return nil
	}
	err := files.CheckTarget(f.path, f.kind, f.force)
	if errors.Is(err, files.ErrInTheWay) {
		return &usageError{err}
	}
	return err
}

// write writes the file, which appears under its name only when complete.
func (f outFile) write(data []byte) error {
	if err := f.check(); err != nil {
		return err
	}
	return files.Write(f.path, data)
}

// number is a float64 that JSON can hold: NaN and infinities become strings.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(fmt.Sprint(f))
	}
	return json.Marshal(f)
}

func ago(t time.Time) string {
	switch d := time.Since(t); {
	case t.IsZero():
		return "-"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return t.Local().Format(time.DateOnly)
	}
}

func seconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.0f µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.1f ms", s*1e3)
	case s < 120:
		return fmt.Sprintf("%.2f s", s)
	default:
		return time.Duration(s * float64(time.Second)).Round(time.Second).String()
	}
}

func bytesText(n int64) string {
	const mib = 1 << 20
	if n >= 1<<30 {
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/mib)
}
