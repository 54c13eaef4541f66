// Package sqlitefile reads what is left of the rows of a damaged SQLite file, which
// SQLite itself refuses to read. It looks at every page by itself, by the file format
// described at https://www.sqlite.org/fileformat2.html, and needs neither an intact
// header nor an intact list of tables: see [File.Rows].
//
// SQLite keeps no checksums. A row counts as intact if its lengths and types add up and
// it fits between its neighbours on the page; where they do not, the rows next to it are
// not trusted, either. What was overwritten within one value goes unnoticed.
//
// A log of writes beside the file (-wal) counts as far as it is intact. Nothing is
// written.
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
	usable    int              // bytes of a page that hold content
	pages     int              // how many there are
	logged    map[int]int64    // where in the log the content of a page is
	kinds     []kind           // of each page, from number 1 on
	parents   []int32          // the page that refers to it as a part of its tree; 0: none
	spilled   map[int]struct{} // pages that continued a row that was read
}

// kind says what a page holds.
type kind byte

const (
	unreadable    kind = 0 // or a continuation of a row, which has no mark of its own
	indexInterior kind = 2
	tableInterior kind = 5
	indexLeaf     kind = 10
	tableLeaf     kind = 13
	free          kind = 255 // no longer in use; it can hold what was deleted
)

const (
	magic           = "SQLite format 3\x00"
	headerSize      = 100
	defaultPageSize = 4096 // SQLite's own
	minPageSize     = 512
	maxPageSize     = 1 << 16
)

// Open looks at every page of a file, which is to be closed afterwards. That it is
// no SQLite file shows only in that it has no rows.
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

// Pages is how many pages the file has.
func (f *File) Pages() int { return f.pages }

// Unreadable counts the pages that hold nothing which could be read. It is known
// after [File.Rows] has read all rows.
func (f *File) Unreadable() (n int) {
	for i, k := range f.kinds {
		if _, spilled := f.spilled[i+1]; k == unreadable && !spilled && i+1 != f.lockPage() {
			n++
		}
	}
	return n
}

// lockPage is the page that SQLite leaves empty: system locks are at 2^30.
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

// layout reads the sizes from a file's header, or has SQLite's own if it has none.
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

// markFree walks the list of pages that are not in use.
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

// content reads the bytes of a page; what the file is too short for is zero.
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
		// A bad block of a disk is damage like any other.
		return make([]byte, f.pageSize), nil
	}
	return data, nil
}
