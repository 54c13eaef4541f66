// Package plugin finds PJRT plugin files, the shared libraries through which go-xla reaches XLA, and checks that
// one can be used before it is loaded. It loads nothing on its own account except in [Probe], and it never
// downloads.
package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
)

// Names of the environment variables that [Find] reads.
const (
	// SearchPathEnv is go-xla's own variable: folders to search, separated by colons.
	SearchPathEnv = "PJRT_PLUGIN_LIBRARY_PATH"
	// CacheDirEnv names the folder that holds the harness's own plugins, instead of the user's cache.
	CacheDirEnv = "HARNESS_PLUGIN_DIR"
)

// Find returns the file of the plugin of a kind, "cpu" or "cuda". It takes the first that exists of:
//
//  1. explicit, a file or a folder, if not empty: nothing else is looked at then;
//  2. the folders of PJRT_PLUGIN_LIBRARY_PATH;
//  3. the harness's cache, [CacheDir];
//  4. the folders go-xla itself installs to and searches.
//
// The path is absolute and free of symbolic links, since a CUDA plugin finds its libraries relative to its real
// place. The file is not examined: see [CheckFile]. tried says, in order, where Find looked and what was there; it
// is filled also on success. The error is a [*NotFoundError].
func Find(kind, explicit string) (path string, tried []string, err error) {
	for _, place := range places(kind, explicit) {
		path, found := place.look(kind)
		tried = append(tried, place.label+": "+found)
		if path != "" {
			return path, tried, nil
		}
	}
	return "", tried, &NotFoundError{Kind: kind, Tried: tried}
}

// NotFoundError says that no plugin of a kind was found, where it was looked for, and what to type.
type NotFoundError struct {
	Kind  string
	Tried []string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no XLA plugin %s found; looked at\n  %s\nto install it, type: harness backend install %s",
		FileName(e.Kind), strings.Join(e.Tried, "\n  "), e.Kind)
}

// FileName is the name under which go-xla and the harness look for the plugin of a kind.
func FileName(kind string) string { return "pjrt_c_api_" + kind + "_plugin.so" }

// CacheDir is the folder that holds the plugins the harness installed: $HARNESS_PLUGIN_DIR, else harness/plugins
// in the user's cache folder.
func CacheDir() string {
	if dir, err := filepath.Abs(os.Getenv(CacheDirEnv)); err == nil && os.Getenv(CacheDirEnv) != "" {
		return dir
	}
	return filepath.Join(xdg.CacheHome, "harness", "plugins")
}

// CachePath is where the harness's own plugin of a kind lies. A CUDA plugin lies one level deeper, because it
// looks for NVIDIA's libraries in ../nvidia.
func CachePath(kind string) string {
	if kind == "cuda" {
		return filepath.Join(CacheDir(), "cuda", FileName(kind))
	}
	return filepath.Join(CacheDir(), FileName(kind))
}

// place is one file or folder that may hold a plugin, with the words that tell the reader where it comes from.
type place struct {
	label, path string
	mayBeFile   bool
}

func places(kind, explicit string) []place {
	if explicit != "" {
		return []place{{label: explicit, path: explicit, mayBeFile: true}}
	}
	var all []place
	folders := 0
	for _, dir := range filepath.SplitList(os.Getenv(SearchPathEnv)) {
		if dir != "" {
			all = append(all, place{label: "$" + SearchPathEnv + " " + dir, path: dir})
			folders++
		}
	}
	if folders == 0 {
		all = append(all, place{label: "$" + SearchPathEnv})
	}
	cache := filepath.Dir(CachePath(kind))
	all = append(all, place{label: "harness's cache " + cache, path: cache})
	for _, dir := range goXLADirs() {
		all = append(all, place{label: dir, path: dir})
	}
	return all
}

// goXLADirs lists the folders in which go-xla v0.4.2 looks by default, in its order.
func goXLADirs() []string {
	var dirs []string
	if home, err := os.UserHomeDir(); err == nil {
		base := filepath.Join(home, ".local", "lib")
		dirs = append(dirs, filepath.Join(base, "go-xla"), filepath.Join(base, "go-xla", "nvidia"),
			filepath.Join(base, "gomlx", "pjrt"))
	}
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt")
	for _, dir := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// look returns the plugin at a place ("" if there is none) and what it found, in words.
func (p place) look(kind string) (path, found string) {
	if p.path == "" {
		return "", "not set"
	}
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "does not exist"
	case err != nil:
		return "", err.Error()
	case info.IsDir():
		path = newest(p.path, kind)
	case p.mayBeFile:
		path = p.path
	default:
		return "", "is a file, not a folder"
	}
	if path == "" {
		return "", "holds no " + FileName(kind)
	}
	if path, err = real(path); err != nil {
		return "", err.Error()
	}
	return path, "found " + path
}

// newest returns the plugin of a kind in a folder: the one without a version in its name, else the newest
// version (go-xla's installer writes pjrt_c_api_cpu_v0.114.0_plugin.so), else "".
func newest(dir, kind string) string {
	plain := filepath.Join(dir, FileName(kind))
	if _, err := os.Stat(plain); err == nil {
		return plain
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var name string
	var best [3]int
	for _, entry := range entries {
		var v [3]int
		format := "pjrt_c_api_" + kind + "_v%d.%d.%d_plugin.so"
		_, err := fmt.Sscanf(entry.Name(), format, &v[0], &v[1], &v[2])
		if err == nil && entry.Name() == fmt.Sprintf(format, v[0], v[1], v[2]) && (name == "" || slices.Compare(v[:], best[:]) > 0) {
			name, best = entry.Name(), v
		}
	}
	if name == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

func real(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
