package slurm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Why sbatch refuses a job that is right in itself.
var (
	// ErrArraySize: an array has more tasks, or a larger index, than the cluster takes.
	ErrArraySize = errors.New("the array is larger than the cluster takes")
	// ErrSubmitLimit: with this job there would be more in the queue than are allowed, of this user, of the account or of
	// all. When some have ended it may be taken. Each task of an array counts.
	ErrSubmitLimit = errors.New("the cluster takes no more jobs now")
	// ErrPolicy: a limit is passed, and Slurm does not say which: be it [ErrSubmitLimit], be it one of size or time, which
	// would refuse the job at any time.
	ErrPolicy = errors.New("a limit of the cluster is passed")
)

// ErrNoArrays reports a cluster on which every job is submitted for itself.
var ErrNoArrays = errors.New("the cluster takes no job arrays (its MaxArraySize is 0)")

var (
	// submitLimit is how Slurm names a limit on submitted jobs: AssocMaxSubmitJobLimit, QOSMaxSubmitJobPerUserLimit,
	// MaxSubmitJobsPerAccount.
	submitLimit = regexp.MustCompile(`\b[A-Z][A-Za-z]*SubmitJob[A-Za-z]*\b`)
	// otherLimit is how it names others: AssocMaxWallDurationPerJobLimit, QOSMaxCpuPerJobLimit.
	otherLimit = regexp.MustCompile(`\b(Assoc|QOS|Max)[A-Z][A-Za-z]*\b`)
)

// refused says which of the refusals above an error of sbatch is, nil if it is none.
func refused(err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return nil
	}
	limit := strings.Contains(f.words, "Job violates accounting/QOS policy")
	switch {
	case strings.Contains(f.words, "Invalid job array specification"):
		return ErrArraySize
	case limit && submitLimit.MatchString(f.words):
		return ErrSubmitLimit
	case limit && !otherLimit.MatchString(f.words):
		return ErrPolicy
	}
	return nil
}

// MaxArray is how many tasks an array may have on this cluster, with indices from 0; 0 if it does not say.
func (c *Client) MaxArray(ctx context.Context) (int, error) {
	if c.scontrol == "" {
		return 0, nil
	}
	out, err := c.run(ctx, "", c.scontrol, "show", "config")
	if err != nil {
		return 0, fmt.Errorf("asking for the cluster's configuration: %w", err)
	}
	n, err := parseMaxArray(out)
	if err != nil {
		return 0, fmt.Errorf("%s answered what cannot be understood: %w", c.scontrol, err)
	}
	return n, nil
}

// parseMaxArray reads the smaller of MaxArraySize, which is one more than the largest index, and max_array_tasks of
// SchedulerParameters.
func parseMaxArray(config string) (int, error) {
	most := 0
	for line := range strings.Lines(config) {
		key, value, _ := strings.Cut(line, "=")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); key {
		case "MaxArraySize":
			n, err := parseLimit(key, value)
			if err != nil {
				return 0, err
			}
			if n == 0 {
				return 0, ErrNoArrays
			}
			most = smaller(most, n)
		case "SchedulerParameters":
			for parameter := range strings.SplitSeq(value, ",") {
				name, value, ok := strings.Cut(strings.TrimSpace(parameter), "=")
				if !ok || name != "max_array_tasks" {
					continue
				}
				n, err := parseLimit(name, value)
				if err != nil {
					return 0, err
				}
				if n > 0 {
					most = smaller(most, n)
				}
			}
		}
	}
	return most, nil
}

func parseLimit(name, value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, which is no number", name, shorten(value))
	}
	return int(n), nil
}

// smaller is the smaller of a limit, 0 if there is none yet, and another.
func smaller(limit, other int) int {
	if limit == 0 {
		return other
	}
	return min(limit, other)
}
