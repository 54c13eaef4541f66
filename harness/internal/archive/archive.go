// Package archive writes a run with its checkpoints to a single file, and imports such files.
//
// The file is a tar archive compressed with zstd. It begins with manifest.json, which lists every
// other file with its size and SHA-256: store.db, a store that contains only this run, and the
// run's checkpoints. The same build writes the same bytes for the same run.
package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Manifest lists the contents of an archive.
type Manifest struct {
	Format  string `json:"format"`  // formatName
	Version int    `json:"version"` // formatVersion or older
	Run     Run    `json:"run"`
	Files   []File `json:"files"` // in the order of the archive
}

// Checkpoints returns the number of checkpoints in the archive.
func (m Manifest) Checkpoints() (n int) {
	for _, f := range m.Files {
		if isWeights(f.Name) {
			n++
		}
	}
	return n
}

// Run identifies the run of an archive.
type Run struct {
	ID         string `json:"id"`
	Slug       string `json:"slug"`
	ConfigHash string `json:"config_hash"`
}

// File is a file of an archive other than its manifest.
type File struct {
	Name   string `json:"name"` // store.db or checkpoints/NAME
	Size   int64  `json:"size"` // in bytes
	SHA256 string `json:"sha256"`
}

const (
	formatName    = "harness run"
	formatVersion = 1

	manifestName      = "manifest.json"
	storeName         = "store.db"
	checkpointsPrefix = "checkpoints/"
)

const (
	// DefaultLimit is the largest unpacked size of an archive, in bytes, that is accepted by
	// default.
	DefaultLimit = 32 << 30

	maxManifest = 1 << 20
	// maxWindow limits the memory that decompressing takes.
	maxWindow = 64 << 20
	// maxPadding limits the zeros that may follow the last file.
	maxPadding = 64 << 10
)

// Size is the sum of the sizes of the files.
func (m Manifest) Size() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

var (
	checkpointForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
	hashForm       = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// parseManifest reads a manifest and checks everything that can be checked without the files. After
// that every name in it is safe to use as a path.
func parseManifest(data []byte, limit int64) (Manifest, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format != formatName {
		return Manifest{}, fmt.Errorf("its manifest is not that of a run: %s", shorten(data))
	}
	if head.Version > formatVersion {
		return Manifest{}, fmt.Errorf("it was written by a newer harness (version %d of the format, this one reads up to %d): update harness",
			head.Version, formatVersion)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("its manifest: %w", err)
	}
	if m.Version < 1 {
		return m, fmt.Errorf("its manifest has version %d", m.Version)
	}
	if _, err := ulid.ParseStrict(m.Run.ID); err != nil || strings.ToUpper(m.Run.ID) != m.Run.ID {
		return m, fmt.Errorf("its manifest: %q is no run's id", m.Run.ID)
	}
	return m, m.checkFiles(limit)
}

func (m Manifest) checkFiles(limit int64) error {
	left := limit
	seen := map[string]bool{}
	for _, f := range m.Files {
		checkpoint, isCheckpoint := strings.CutPrefix(f.Name, checkpointsPrefix)
		switch {
		case f.Name != storeName && !(isCheckpoint && checkpointForm.MatchString(checkpoint)):
			return fmt.Errorf("its manifest names the file %q; there may be only %s and %sNAME", f.Name, storeName, checkpointsPrefix)
		case seen[f.Name]:
			return fmt.Errorf("its manifest names the file %s twice", f.Name)
		case f.Size < 0 || !hashForm.MatchString(f.SHA256):
			return fmt.Errorf("its manifest has no size and SHA-256 of the file %s", f.Name)
		case f.Size > left:
			return fmt.Errorf("it would unpack to more than %d bytes: if that is right, allow it with a higher limit", limit)
		}
		left -= f.Size
		seen[f.Name] = true
	}
	if !seen[storeName] {
		return errors.New("its manifest has no " + storeName)
	}
	return nil
}

func shorten(data []byte) string {
	const most = 60
	if len(data) > most {
		return fmt.Sprintf("%q…", data[:most])
	}
	return fmt.Sprintf("%q", data)
}
