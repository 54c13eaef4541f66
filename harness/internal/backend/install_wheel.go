package backend

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"flowharness/harness/internal/plugin"
)

// wheel is the source that downloads a Python package with pip, from wherever pip is told to find packages, and
// takes the plugin out of it. Nothing of Python is installed or run.
func wheel(pkg string) source {
	return source{name: "the Python package " + pkg, fetch: func(ctx context.Context, staging string, log io.Writer) (string,
		plugin.Origin, error) {
		dir := filepath.Join(staging, pkg)
		if err := pipDownload(ctx, pkg, dir); err != nil {
			return "", plugin.Origin{}, err
		}
		wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
		if err != nil || len(wheels) != 1 {
			return "", plugin.Origin{}, fmt.Errorf("pip left %d wheels, expected one", len(wheels))
		}
		file := filepath.Join(dir, "plugin.so")
		if err := extractPlugin(wheels[0], file); err != nil {
			return "", plugin.Origin{}, fmt.Errorf("taking the plugin out of %s: %w", filepath.Base(wheels[0]), err)
		}
		return file, plugin.Origin{Package: pkg, Version: wheelVersion(wheels[0])}, nil
	}}
}

// pipDownload downloads the wheel of a package, without those it depends on, into a folder.
func pipDownload(ctx context.Context, pkg, dir string) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return errors.New("python3 is not installed, or not in PATH (on Debian: apt-get install python3-pip)")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// pip unpacks into TMPDIR; there a killed pip would leave its files behind.
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
		"--no-input", "--progress-bar=off", "--disable-pip-version-check", "--no-cache-dir", "--retries=1", "--dest="+dir, pkg)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Stdout, cmd.Stderr = &output, &output
	// python3 may be a script that starts another python3: all of them must end with ctx.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(output.String())
		if strings.Contains(text, "No module named pip") {
			return errors.New("python3 has no pip (on Debian: apt-get install python3-pip)")
		}
		return fmt.Errorf("pip download %s: %w\n%s", pkg, err, lastLines(text, 5))
	}
	return nil
}

// extractPlugin writes the one PJRT plugin in a wheel to a file.
func extractPlugin(wheel, file string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	var found []*zip.File
	for _, entry := range archive.File {
		// xla_cpu_pjrt.so in xla-cpu-pjrt, xla_cuda_plugin.so in jax-cuda13-pjrt
		name := path.Base(entry.Name)
		if strings.HasSuffix(name, "_pjrt.so") || strings.HasSuffix(name, "_plugin.so") {
			found = append(found, entry)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("it holds %d plugins, expected one", len(found))
	}
	in, err := found[0].Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	// The archive's checksum is compared when its last byte is read.
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// wheelVersion reads the version from a wheel's name, "name-version-…": see Python's PEP 427.
func wheelVersion(wheel string) string {
	parts := strings.Split(filepath.Base(wheel), "-")
	if len(parts) < 5 {
		return ""
	}
	return parts[1]
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
