package sqlitefile

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
)

const (
	logHeaderSize   = 32
	frameHeaderSize = 24
	logMagic        = 0x377f0682 // its lowest bit tells the byte order of checksums
)

// readLog finds the pages in SQLite's log that have not been written to the file yet, up to the
// last complete transaction.
func (f *File) readLog(path string) error {
	log, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.log = log
	header := make([]byte, logHeaderSize)
	if _, err := io.ReadFull(log, header); err != nil {
		return nil // it is empty
	}
	kind := binary.BigEndian.Uint32(header)
	if kind&^1 != logMagic || int(binary.BigEndian.Uint32(header[8:])) != f.pageSize {
		return nil
	}
	sum := checksum{order: binary.LittleEndian}
	if kind&1 == 1 {
		sum.order = binary.BigEndian
	}
	if sum.add(header[:24]); !sum.is(header[24:]) {
		return nil
	}
	frame := make([]byte, frameHeaderSize+f.pageSize)
	pending := map[int]int64{}
	for at := int64(logHeaderSize); ; at += int64(len(frame)) {
		if _, err := log.ReadAt(frame, at); err != nil {
			return nil
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeaderSize:])
		if string(frame[8:16]) != string(header[16:24]) || !sum.is(frame[16:]) {
			return nil // it is left from an earlier use of the log, or incomplete
		}
		pending[int(binary.BigEndian.Uint32(frame))] = at + frameHeaderSize
		if size := int(binary.BigEndian.Uint32(frame[4:])); size > 0 { // the end of a transaction
			for number, at := range pending {
				f.logged[number] = at
			}
			clear(pending)
			f.pages = max(f.pages, size)
		}
	}
}

// checksum continues the checksum of SQLite's log, which covers everything before.
type checksum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (c *checksum) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		c.a += c.order.Uint32(data) + c.b
		c.b += c.order.Uint32(data[4:]) + c.a
	}
}

func (c *checksum) is(recorded []byte) bool {
	return c.a == binary.BigEndian.Uint32(recorded) && c.b == binary.BigEndian.Uint32(recorded[4:])
}
