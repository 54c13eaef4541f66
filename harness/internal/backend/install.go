package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"flowharness/harness/internal/files"
	"flowharness/harness/internal/plugin"
)

// Install makes sure that there is a plugin of a kind, "cpu" or "cuda", and returns its path. If the one that Open
// would find works, that is all. Else it downloads one into the harness's cache (plugin.CacheDir): go-xla's release
// for the CPU, and where that cannot be reached, or for CUDA, a Python wheel, by pip. What is downloaded is checked,
// then moved into place at once, so that the cache never holds half a plugin; when ctx is cancelled nothing stays.
// For CUDA it also says how to get NVIDIA's libraries, if they are missing.
//
// log receives a line for each thing done; the caller decides where it goes.
func Install(ctx context.Context, kind string, log io.Writer) (string, error) {
	from, known := sources[kind]
	if !known {
		return "", fmt.Errorf("no plugin %q to install; use cpu or cuda", kind)
	}
	path, err := install(ctx, kind, from, log)
	if err != nil {
		return "", fmt.Errorf("installing the XLA %s plugin: %w", kind, err)
	}
	if kind == "cuda" {
		adviseCUDA(path, log)
	}
	return path, nil
}

func install(ctx context.Context, kind string, from []source, log io.Writer) (string, error) {
	if path, err := usable(kind); err == nil {
		fmt.Fprintf(log, "the XLA %s plugin is already there: %s\n", kind, path)
		return path, nil
	}
	target := plugin.CachePath(kind)
	staging, release, err := stage(ctx, filepath.Dir(target))
	if err != nil {
		return "", err
	}
	defer release()
	// Another process may have installed it while this one waited for its turn.
	if path, err := usable(kind); err == nil {
		fmt.Fprintf(log, "the XLA %s plugin is there now: %s\n", kind, path)
		return path, nil
	}
	var problems []error
	for _, source := range from {
		fmt.Fprintf(log, "getting the XLA %s plugin from %s\n", kind, source.name)
		file, origin, err := source.fetch(ctx, staging, log)
		if err == nil {
			err = place(file, target, origin)
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err != nil {
			fmt.Fprintf(log, "  not from there: %v\n", err)
			problems = append(problems, fmt.Errorf("from %s: %w", source.name, err))
			continue
		}
		fmt.Fprintf(log, "installed %s %s: %s\n", origin.Package, origin.Version, target)
		if path, err := usable(kind); err != nil {
			return "", fmt.Errorf("%s is in order, but %s is found before it: %w", target, path, err)
		}
		return target, nil
	}
	return "", fmt.Errorf("it could not be had; get a file %s yourself and name its folder in %s\n%w",
		plugin.FileName(kind), plugin.SearchPathEnv, errors.Join(problems...))
}

// source is a place that plugins can be had from. fetch leaves the plugin in a file below the folder staging.
type source struct {
	name  string
	fetch func(ctx context.Context, staging string, log io.Writer) (file string, origin plugin.Origin, err error)
}

// sources lists, for each kind of plugin, where it can be had, the best first.
var sources = map[string][]source{
	"cpu":  {{"go-xla's release", fetchRelease}, wheel("xla-cpu-pjrt")},
	"cuda": {wheel("jax-cuda13-pjrt"), wheel("xla-cuda13-pjrt")},
}

// usable returns the plugin that Open would take, if its file is in order. It is not loaded.
func usable(kind string) (string, error) {
	path, _, err := plugin.Find(kind, "")
	if err != nil {
		return "", err
	}
	return path, plugin.CheckFile(path)
}

// stage makes an empty folder to download into, in the cache itself so that a rename suffices at the end. It waits for
// other processes that install, and removes what killed ones left. release removes the folder.
func stage(ctx context.Context, cache string) (dir string, release func(), err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", nil, err
	}
	lock := flock.New(filepath.Join(cache, ".lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return "", nil, fmt.Errorf("waiting for another installation: %w", err)
	}
	dir = filepath.Join(cache, ".installing")
	release = func() {
		os.RemoveAll(dir)
		lock.Close()
	}
	err = os.RemoveAll(dir)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		release()
		return "", nil, err
	}
	return dir, release, nil
}

// place checks a plugin and moves it, and a note of its origin, to where Open finds them.
func place(file, target string, origin plugin.Origin) error {
	if err := plugin.CheckFile(file); err != nil {
		return err
	}
	sum, err := syncAndHash(file)
	if err != nil {
		return err
	}
	origin.SHA256 = sum
	note, err := json.MarshalIndent(origin, "", "  ")
	if err != nil {
		return err
	}
	// The note goes first: a plugin without one would not say what it is, a note without a plugin is never read.
	if err := files.Write(plugin.OriginPath(target), append(note, '\n')); err != nil {
		return err
	}
	return files.Place(file, target)
}

func syncAndHash(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), file.Sync()
}
