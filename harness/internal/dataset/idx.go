package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxIDX bounds what a file may decompress to: MNIST's largest is 47 MB.
const maxIDX = 1 << 30

// decompress returns the bytes of a file, gzipped or not.
func decompress(r io.Reader) ([]byte, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("not a valid gzip file: %w", err)
		}
		in = bufio.NewReader(z)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxIDX+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the file is truncated")
	case err != nil:
		return nil, err
	case len(data) > maxIDX:
		return nil, fmt.Errorf("the file holds more than %d bytes", maxIDX)
	}
	return data, nil
}

// parseIDX reads the IDX format of unsigned bytes: two zero bytes, 0x08, the
// number of dimensions, the dimensions as big-endian 32-bit numbers, the values
// in row-major order. The values are a slice of data.
func parseIDX(data []byte, rank int) (dims []int, values []byte, err error) {
	header := 4 + 4*rank
	if len(data) < header {
		return nil, nil, fmt.Errorf("the file ends within its header, after %d bytes", len(data))
	}
	if data[0] != 0 || data[1] != 0 || data[2] != 0x08 || int(data[3]) != rank {
		return nil, nil, fmt.Errorf("the file begins with % x, not with % x, as IDX files of bytes with %d dimensions do", data[:4],
			[]byte{0, 0, 8, byte(rank)}, rank)
	}
	want := 1
	for i := range rank {
		d := int(binary.BigEndian.Uint32(data[4+4*i:]))
		if d > maxIDX || (d > 0 && want > maxIDX/d) {
			return nil, nil, fmt.Errorf("the header claims dimensions far larger than any dataset (dimension %d is %d)", i, d)
		}
		want *= d
		dims = append(dims, d)
	}
	if got := len(data) - header; got != want {
		return nil, nil, fmt.Errorf("the header claims %v, %d bytes, and %d bytes follow", dims, want, got)
	}
	return dims, data[header:], nil
}
