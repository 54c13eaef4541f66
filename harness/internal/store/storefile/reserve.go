package storefile

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// reserveSize is enough for SQLite to record the end of a run: a few pages of log and the last
// points.
const reserveSize = 256 << 10

// Reserve is space on the disk that is set aside, so that a run that fills the disk can still
// record that it failed. The file has no name, so nothing is left behind, however the process ends.
type Reserve struct{ file *os.File }

// NewReserve reserves space on the disk of a store.
func NewReserve(store string) (*Reserve, error) {
	f, err := os.CreateTemp(filepath.Dir(store), "."+filepath.Base(store)+".reserve-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	// Random data, since zeros would take no space on a disk that compresses.
	data := make([]byte, reserveSize)
	rand.Read(data)
	if _, err := f.Write(data); err != nil {
		f.Close()
		return nil, err
	}
	// On disks that allocate late, the space is taken only now.
	if err := f.Sync(); err != nil {
		f.Close()
		return nil, err
	}
	return &Reserve{f}, nil
}

// Release frees the space. It may be called more than once.
func (r *Reserve) Release() { r.file.Close() }
