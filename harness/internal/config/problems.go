package config

import "flowharness/harness/internal/yamlfile"

// What is wrong with a config is said as of any file of YAML.
type (
	Errors  = yamlfile.Errors
	Problem = yamlfile.Problem
	Place   = yamlfile.Place
)
