// Package files holds what reading and writing files takes besides the bytes: paths as people write them, files that appear
// only when they are whole, and what must not be written over.
package files

import (
	"context"
	"io"
	"os"
)

// SyncFolder puts the names of a folder on disk: a file that was renamed into it
// is there after a power failure, too.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Reader is r, but stops reading, with the context's error, when ctx ends.
func Reader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r} }

type reader struct {
	ctx context.Context
	io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
