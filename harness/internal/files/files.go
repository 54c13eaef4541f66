// Package files reads and writes files the way this program needs it: paths are taken as people
// write them, files appear only when they are complete, and some files must not be overwritten.
package files

import (
	"context"
	"io"
	"os"
)

// SyncFolder writes the entries of a folder to the disk, so that a file that was renamed into it is
// still there after a power failure.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Reader wraps r so that reading stops, with the context's error, when ctx ends.
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
