package schedulers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ConfigError is one problem of a config.
type ConfigError struct {
	// Key is the yaml key the problem is about, relative to the config's section.
	Key string
	// Problem says what is wrong and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return e.Key + ": " + e.Problem }

// Problems collects what is wrong with a config, each a [*ConfigError].
type Problems []error

func (p *Problems) err() error { return errors.Join(*p...) }

// Check adds a problem of a key unless ok, and returns ok.
func (p *Problems) Check(ok bool, key, format string, args ...any) bool {
	if !ok {
		*p = append(*p, &ConfigError{Key: key, Problem: fmt.Sprintf(format, args...)})
	}
	return ok
}

// OneOf wants one of some words.
func (p *Problems) OneOf(key, value string, allowed ...string) bool {
	return p.Check(slices.Contains(allowed, value), key, "must be one of %s, got %q", strings.Join(allowed, ", "), value)
}

// Positive wants a finite number above 0.
func (p *Problems) Positive(key string, value float64) {
	p.Check(value > 0 && isFinite(value), key, "must be a finite number above 0, got %v", value)
}

// Unset wants a key left out because owner, such as `sampler "ddim"`, has no use for it.
func (p *Problems) Unset(key string, unset bool, owner string) {
	p.Check(unset, key, "does not apply to %s; remove it", owner)
}
