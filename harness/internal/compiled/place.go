package compiled

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
	"github.com/dustin/go-humanize"
)

const (
	// LimitEnv is the variable that says how much the cache may hold, such as 500MB; with 0 nothing is kept.
	LimitEnv = "HARNESS_CACHE"
	// DefaultLimit is how many bytes it holds where the variable is not set.
	DefaultLimit = 2 << 30
)

// Dir is the folder of the cache: harness/programs in the user's cache folder.
func Dir() string { return filepath.Join(xdg.CacheHome, "harness", "programs") }

// Default opens the cache of this user, or returns nil where the user wants none.
func Default(warn func(string)) (*Cache, error) {
	limit, err := Limit()
	if err != nil || limit == 0 {
		return nil, err
	}
	return Open(Dir(), limit, warn)
}

// State is what the cache of this user holds.
type State struct {
	Dir      string `json:"dir"`
	Programs int    `json:"programs"`
	Bytes    int64  `json:"bytes"`
	Limit    int64  `json:"limit_bytes"`       // 0: nothing is kept
	Problem  string `json:"problem,omitempty"` // why it is not used
}

// Inspect returns the state of the cache. It changes nothing.
func Inspect() State {
	s := State{Dir: Dir()}
	cache, err := Default(nil)
	switch {
	case err != nil:
		s.Problem = err.Error()
	case cache != nil:
		s.Limit = cache.limit
		if s.Programs, s.Bytes, err = cache.Usage(); err != nil {
			s.Problem = err.Error()
		}
	}
	return s
}

// Limit returns how many bytes the cache may hold.
func Limit() (int64, error) {
	text := os.Getenv(LimitEnv)
	if text == "" {
		return DefaultLimit, nil
	}
	limit, err := humanize.ParseBytes(text)
	if err != nil || limit > 1<<62 {
		return 0, fmt.Errorf("%s is %q; set it to a size such as 500MB, or to 0 to keep no compiled programs", LimitEnv, text)
	}
	return int64(limit), nil
}
