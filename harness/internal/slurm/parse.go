package slurm

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// column is a field that squeue is asked for. Columns have fixed widths, since separators are known only to newer
// versions, and what is longer is cut.
type column struct {
	name  string
	width int
}

var (
	taskColumns = []column{{"ArrayJobID", 16}, {"ArrayTaskID", 16}, {"State", 24}, {"RestartCnt", 16}, {"exit_code", 16},
		{"BatchHost", 256}, {"Reason", 256}}
	jobColumns = []column{{"ArrayJobID", 16}, {"State", 24}, {"Reason", 256}}
)

// format is the option of squeue for columns.
func format(columns []column) string {
	fields := make([]string, len(columns))
	for i, c := range columns {
		fields[i] = c.name + ":" + strconv.Itoa(c.width)
	}
	return "--Format=" + strings.Join(fields, ",")
}

// parseQueue reads what squeue printed of a job: a line for each task.
func parseQueue(id, out string) (map[int]Task, error) {
	tasks := make(map[int]Task)
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		fields, err := split(line, taskColumns)
		if err != nil {
			return nil, err
		}
		if fields[0] != id {
			return nil, fmt.Errorf("a task of job %q, asked for %s: %q", fields[0], id, shorten(line))
		}
		task := Task{Reason: fields[6], Node: fields[5]}
		if task.Index, err = parseIndex(fields[1]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.State, err = parseState(fields[2]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.Restarts, err = parseCount(fields[3]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.ExitCode, task.Signal, err = parseExit(fields[4]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.Reason == "None" {
			task.Reason = ""
		}
		if task.Node == "n/a" || task.Node == "N/A" {
			task.Node = ""
		}
		if _, ok := tasks[task.Index]; ok {
			return nil, fmt.Errorf("task %d twice", task.Index)
		}
		tasks[task.Index] = task
	}
	return tasks, nil
}

// split cuts a line of squeue's into its columns. The last one may lack its padding.
func split(line string, columns []column) ([]string, error) {
	fields := make([]string, len(columns))
	rest := line
	for i, c := range columns {
		width := c.width
		if i == len(columns)-1 && len(rest) < width {
			width = len(rest)
		}
		if len(rest) < width {
			return nil, fmt.Errorf("a line that ends before %s: %q", c.name, shorten(line))
		}
		fields[i] = strings.TrimSpace(strings.ToValidUTF8(rest[:width], "\uFFFD"))
		rest = rest[width:]
	}
	if rest != "" {
		return nil, fmt.Errorf("a line that is too long: %q", shorten(line))
	}
	return fields, nil
}

// parseJobs reads the numbers of jobs from what squeue printed, in order. Those that were refused are left out: the
// controller remembers them, too.
func parseJobs(out string) ([]string, error) {
	var ids []string
	for line := range strings.Lines(out) {
		fields, err := split(strings.TrimSuffix(line, "\n"), jobColumns)
		if err != nil {
			return nil, err
		}
		if err := checkID(fields[0]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if fields[1] == "FAILED" && fields[2] == "BadConstraints" {
			continue
		}
		ids = append(ids, fields[0])
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return slices.Compact(ids), nil
}

// accountFormat are the fields that sacct is asked for.
const accountFormat = "JobID,State,ExitCode,NodeList"

// parseAccounts reads what sacct printed of a job: a line for each task, separated by '|'. Tasks that have not started
// share a line, which is passed over: they are the controller's.
func parseAccounts(id, out string) (map[int]Task, error) {
	tasks := make(map[int]Task)
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.Split(line, "|")
		if len(fields) != 4 {
			return nil, fmt.Errorf("a line of %d fields, not 4: %q", len(fields), shorten(line))
		}
		index, ok := strings.CutPrefix(fields[0], id+"_")
		if !ok {
			return nil, fmt.Errorf("a task of another job than %s: %q", id, shorten(line))
		}
		if strings.HasPrefix(index, "[") {
			continue
		}
		task := Task{Node: fields[3]}
		var err error
		if task.Index, err = parseIndex(index); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		state, _, _ := strings.Cut(fields[1], " ") // "CANCELLED by 1000"
		if task.State, err = parseState(state); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.ExitCode, task.Signal, err = parseExit(fields[2]); err != nil {
			return nil, fmt.Errorf("%w: %q", err, shorten(line))
		}
		if task.Node == "None assigned" {
			task.Node = ""
		}
		tasks[task.Index] = task
	}
	return tasks, nil
}

func parseIndex(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is not the index of a task", text)
	}
	return int(n), nil
}

func parseCount(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of restarts", text)
	}
	return int(n), nil
}

var validState = regexp.MustCompile(`^[A-Z][A-Z_]*$`)

// parseState takes any name that looks like a state: newer versions have more of them.
func parseState(text string) (State, error) {
	if !validState.MatchString(text) {
		return "", fmt.Errorf("%q is not the state of a task", text)
	}
	return State(text), nil
}

// parseExit reads an exit code as sacct writes it ("7:0": code and signal) or squeue (1792: the status of wait(2)).
func parseExit(text string) (code, signal int, err error) {
	first, second, both := strings.Cut(text, ":")
	a, err := strconv.ParseUint(first, 10, 32)
	var b uint64
	if both && err == nil {
		b, err = strconv.ParseUint(second, 10, 8)
	}
	switch {
	case err != nil || both && a > 255:
		return 0, 0, fmt.Errorf("%q is not an exit code", text)
	case both:
		return int(a), int(b), nil
	case a >= noValue:
		return 0, 0, nil
	default:
		return int(a >> 8 & 0xff), int(a & 0x7f), nil
	}
}

// noValue and above are Slurm's numbers for "not set" and "infinite".
const noValue = 0xfffffffe
