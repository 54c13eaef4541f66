package models

import (
	"errors"
	"fmt"
)

// ConfigError is a value that a network cannot have.
type ConfigError struct {
	Key     string // the yaml key, such as "block_out_channels"
	Problem string
	// Related are the keys that the value does not fit to.
	Related []string
	// Data is set if it does not fit to the data.
	Data bool
}

func (e *ConfigError) Error() string { return e.Key + ": " + e.Problem }

// Problems collects what is wrong with a network's options.
type Problems []error

func (p *Problems) err() error { return errors.Join(*p...) }

// Fail adds a problem of a key with values of related keys.
func (p *Problems) Fail(key string, related []string, format string, args ...any) {
	*p = append(*p, &ConfigError{Key: key, Problem: fmt.Sprintf(format, args...), Related: related})
}

// Check adds a problem of a key by itself unless ok, and returns ok.
func (p *Problems) Check(ok bool, key, format string, args ...any) bool {
	if !ok {
		p.Fail(key, nil, format, args...)
	}
	return ok
}

// Fits wants a number to be what the data makes it, for the reason why.
func (p *Problems) Fits(key string, got, want int, data Data, why string) {
	if got != want {
		*p = append(*p, &ConfigError{Key: key, Data: true, Problem: fmt.Sprintf(
			"must be %d for dataset %s (%s), got %d; leave it out to have the data's", want, data.Name, why, got)})
	}
}
