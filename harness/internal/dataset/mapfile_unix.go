//go:build unix

package dataset

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a part of a file into memory, to be read only: pages come from the disk when they are used, and may be dropped.
func mapFile(f *os.File, from, size int64) (data []byte, unmap func() error, err error) {
	page := int64(os.Getpagesize())
	start := from / page * page
	whole, err := unix.Mmap(int(f.Fd()), start, int(from-start+size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return whole[from-start:], func() error { return unix.Munmap(whole) }, nil
}
