package slurm

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// script returns the batch script of a job. It replaces itself with the program, so that what Slurm sends to the batch
// shell (SIGTERM at scancel, requeueing, preemption and before the time limit) reaches the program.
func (j Job) script() (string, error) {
	if len(j.Argv) == 0 || !filepath.IsAbs(j.Argv[0]) {
		return "", fmt.Errorf("the program must be an absolute path, got %q", j.Argv)
	}
	if !filepath.IsAbs(j.Dir) {
		return "", fmt.Errorf("the folder must be an absolute path, got %q", j.Dir)
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, name := range slices.Sorted(maps.Keys(j.Env)) {
		if !validVariable.MatchString(name) {
			return "", fmt.Errorf("%q cannot be the name of an environment variable", name)
		}
		value, err := quote(j.Env[name])
		if err != nil {
			return "", fmt.Errorf("the environment variable %s: %w", name, err)
		}
		fmt.Fprintf(&b, "export %s=%s\n", name, value)
	}
	dir, err := quote(j.Dir)
	if err != nil {
		return "", fmt.Errorf("the folder: %w", err)
	}
	// Where the folder of --chdir is missing, Slurm would run the program in /tmp.
	fmt.Fprintf(&b, "cd %s || exit\nexec", dir)
	for i, arg := range j.Argv {
		quoted, err := quote(arg)
		if err != nil {
			return "", fmt.Errorf("argument %d: %w", i, err)
		}
		b.WriteString(" " + quoted)
	}
	b.WriteString("\n")
	return b.String(), nil
}

var validVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quote writes a text as one word of a POSIX shell. Line breaks are refused: sbatch takes a line that
// begins with #SBATCH for options, wherever it stands, and refuses a script with carriage returns before them.
func quote(text string) (string, error) {
	if strings.ContainsAny(text, "\n\r\x00") {
		return "", fmt.Errorf("%q must have no line break and no NUL", text)
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'", nil
}
