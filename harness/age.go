package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// age is a flag that holds how long ago: as Go writes durations, or in days or weeks.
type age time.Duration

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

func (a *age) Type() string { return "duration" }

func (a *age) Set(text string) error {
	d, err := parseAge(text)
	if err != nil || d < 0 {
		return errors.New("write it like 90m, 24h, 7d or 2w")
	}
	*a = age(d)
	return nil
}

func parseAge(text string) (time.Duration, error) {
	for unit, hours := range map[string]float64{"d": 24, "w": 7 * 24} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || n*hours > float64(1<<62)/float64(time.Hour) {
				return 0, errors.New("not a number of days or weeks")
			}
			return time.Duration(n * hours * float64(time.Hour)), nil
		}
	}
	return time.ParseDuration(text)
}
