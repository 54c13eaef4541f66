// Package sqlitefile reads the rows that are left in a damaged SQLite file, which SQLite itself
// refuses to read. It examines each page by itself, following the file format described at
// https://www.sqlite.org/fileformat2.html, and needs neither an intact header nor an intact list of
// tables: see [File.Rows].
//
// SQLite files contain no checksums. A row counts as intact if its lengths and types are consistent
// and it fits between its neighbours on the page. If it does not, the neighbouring rows are not
// trusted either. A change within a single value goes unnoticed.
//
// If there is a write-ahead log (-wal) beside the file, it is used as far as it is intact. Nothing
// is written.
package sqlitefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// File is an open file. Its methods are for one goroutine at a time.
type File struct {
	file, log *os.File
	pageSize  int
	usable    int              // bytes of each page that can hold content
	pages     int              // number of pages
	logged    map[int]int64    // page → position of its content in the log
	kinds     []kind           // by page number, from 1
	parents   []int32          // by page number: the page above in its tree; 0: none
	spilled   map[int]struct{} // overflow pages of rows that were read
}

// kind is what a page contains.
type kind byte

const (
	unreadable    kind = 0 // or an overflow page, which cannot be told apart
	indexInterior kind = 2
	tableInterior kind = 5
	indexLeaf     kind = 10
	tableLeaf     kind = 13
	free          kind = 255 // no longer in use; may contain deleted rows
)

const (
	magic           = "SQLite format 3\x00"
	headerSize      = 100
	defaultPageSize = 4096 // SQLite's default
	minPageSize     = 512
	maxPageSize     = 1 << 16
)

// Open opens a file and examines all of its pages. The caller must close it. If it is not an SQLite
// file, that shows only in that it has no rows.
func Open(ctx context.Context, path string) (*File, error) {
	f := &File{spilled: map[int]struct{}{}, logged: map[int]int64{}}
	var err error
	if f.file, err = os.Open(path); err != nil {
		return nil, err
	}
	if err = f.survey(ctx, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error {
	err := f.file.Close()
	if f.log != nil {
		err = errors.Join(err, f.log.Close())
	}
	return err
}

// Pages returns the number of pages of the file.
func (f *File) Pages() int { return f.pages }

// Unreadable returns how many pages contain nothing that could be read. It is valid after
// [File.Rows] has read all rows.
func (f *File) Unreadable() (n int) {
	for i, k := range f.kinds {
		if _, spilled := f.spilled[i+1]; k == unreadable && !spilled && i+1 != f.lockPage() {
			n++
		}
	}
	return n
}

// lockPage is the page at 2^30 bytes, which SQLite leaves empty for locks of the system.
func (f *File) lockPage() int { return 1<<30/f.pageSize + 1 }

func (f *File) survey(ctx context.Context, path string) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	header := make([]byte, headerSize)
	if _, err := f.file.ReadAt(header, 0); err != nil && err != io.EOF {
		return err
	}
	f.pageSize, f.usable = layout(header)
	f.pages = int((info.Size() + int64(f.pageSize) - 1) / int64(f.pageSize))
	if err := f.readLog(path + "-wal"); err != nil {
		return err
	}
	f.kinds, f.parents = make([]kind, f.pages), make([]int32, f.pages)
	if err := f.markFree(); err != nil {
		return err
	}
	for number := 1; number <= f.pages; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.kinds[number-1] == free {
			continue
		}
		p, err := f.page(number)
		if err != nil {
			return err
		}
		f.kinds[number-1] = p.kind
		for _, child := range p.children() {
			if child > 1 && child <= f.pages && child != number && f.parents[child-1] == 0 {
				f.parents[child-1] = int32(number)
			}
		}
	}
	return nil
}

// layout reads the sizes from the header of the file, or uses SQLite's defaults if the header is
// damaged.
func layout(header []byte) (pageSize, usable int) {
	pageSize = int(binary.BigEndian.Uint16(header[16:]))
	if pageSize == 1 { // SQLite's way to write 65536 in two bytes
		pageSize = maxPageSize
	}
	reserved := int(header[20])
	if !bytes.HasPrefix(header, []byte(magic)) || pageSize < minPageSize || pageSize&(pageSize-1) != 0 || pageSize-reserved < 480 {
		return defaultPageSize, defaultPageSize
	}
	return pageSize, pageSize - reserved
}

// markFree follows the list of pages that are not in use.
func (f *File) markFree() error {
	if f.pages == 0 {
		return nil
	}
	first, err := f.content(1)
	if err != nil || !bytes.HasPrefix(first, []byte(magic)) {
		return err
	}
	next := int(binary.BigEndian.Uint32(first[32:]))
	for next > 1 && next <= f.pages && f.kinds[next-1] != free {
		f.kinds[next-1] = free
		trunk, err := f.content(next)
		if err != nil {
			return err
		}
		n := min(int(binary.BigEndian.Uint32(trunk[4:])), f.usable/4-2)
		for i := range n {
			if leaf := int(binary.BigEndian.Uint32(trunk[8+4*i:])); leaf > 1 && leaf <= f.pages {
				f.kinds[leaf-1] = free
			}
		}
		next = int(binary.BigEndian.Uint32(trunk))
	}
	return nil
}

// content returns the bytes of a page. If the file is too short, the rest is zero.
func (f *File) content(number int) ([]byte, error) {
	if number < 1 || number > f.pages {
		return nil, fmt.Errorf("there is no page %d", number)
	}
	data := make([]byte, f.pageSize)
	in, at := f.file, int64(number-1)*int64(f.pageSize)
	if logged, ok := f.logged[number]; ok {
		in, at = f.log, logged
	}
	if _, err := in.ReadAt(data, at); err != nil && err != io.EOF {
		// A bad block of the disk counts as damage.
		return make([]byte, f.pageSize), nil
	}
	return data, nil
}
