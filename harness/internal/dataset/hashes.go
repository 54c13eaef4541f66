package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"flowharness/harness/internal/files"
)

// fileHashes remembers the SHA-256 of files by their sizes and times, so that a folder of many is not read each time.
type fileHashes struct {
	path string // of the cache
	mu   sync.Mutex
	// Known are the files by absolute path.
	Known map[string]knownFile
	fresh bool // something was added
}

type knownFile struct {
	Size   int64
	Time   time.Time // of the last change
	Hashed time.Time // when that began
	SHA256 string
}

// settled is how long before it was hashed a file must have been changed to be trusted: a change right afterwards might bear
// the same time.
const settled = 2 * time.Second

// openHashes reads what is known of the files below a folder. A cache that cannot be read is none.
func openHashes(dir string) (*fileHashes, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(dir))
	h := &fileHashes{path: filepath.Join(preparedDir(), hex.EncodeToString(sum[:16])+".json")}
	if text, err := os.ReadFile(h.path); err == nil {
		_ = json.Unmarshal(text, h)
	}
	if h.Known == nil {
		h.Known = map[string]knownFile{}
	}
	return h, nil
}

// of returns the hash of a file.
func (h *fileHashes) of(ctx context.Context, path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return sum, err
	}
	if !info.Mode().IsRegular() {
		return sum, fmt.Errorf("%s is no file", path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return sum, err
	}
	h.mu.Lock()
	known, ok := h.Known[path]
	h.mu.Unlock()
	if ok && known.Size == info.Size() && known.Time.Equal(info.ModTime()) && known.Time.Before(known.Hashed.Add(-settled)) {
		if text, err := hex.DecodeString(known.SHA256); err == nil && copy(sum[:], text) == len(sum) {
			return sum, nil
		}
	}
	began, hash := time.Now(), sha256.New()
	if _, err := io.Copy(hash, files.Reader(ctx, f)); err != nil {
		return sum, fmt.Errorf("%s: %w", path, err)
	}
	hash.Sum(sum[:0])
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Known[path], h.fresh = knownFile{Size: info.Size(), Time: info.ModTime(), Hashed: began,
		SHA256: hex.EncodeToString(sum[:])}, true
	return sum, nil
}

// keep writes what is known for the next time. A cache that cannot be written costs time only.
func (h *fileHashes) keep() {
	if !h.fresh {
		return
	}
	if text, err := json.Marshal(h); err == nil && os.MkdirAll(filepath.Dir(h.path), 0o755) == nil {
		_ = files.WriteFast(h.path, text)
	}
}

// hashPictures fills the hashes of a folder's pictures.
func hashPictures(ctx context.Context, dir string, pictures []folderPicture) error {
	known, err := openHashes(dir)
	if err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pictures {
		if i%progressEvery == 0 && i > 0 {
			tell("reading pictures", i, len(pictures))
		}
		group.Go(func() (err error) {
			if err = within.Err(); err == nil {
				pictures[i].hash, err = known.of(within, pictures[i].path)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	known.keep()
	return nil
}
