//go:build !unix

package dataset

import "os"

// mapFile reads a part of a file where files are not mapped into memory.
func mapFile(f *os.File, from, size int64) (data []byte, unmap func() error, err error) {
	data = make([]byte, size)
	_, err = f.ReadAt(data, from)
	return data, func() error { return nil }, err
}
