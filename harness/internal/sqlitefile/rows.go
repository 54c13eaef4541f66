package sqlitefile

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"
)

// Row is a row of a table or of an index.
type Row struct {
	Page int // the page that contains it
	// Root is the topmost page that leads to the row. It is the root of the row's table or index,
	// unless a page in between has been lost.
	Root int
	// Numbered is set for tables that number their rows. A table WITHOUT ROWID is stored like an
	// index.
	Numbered bool
	Number   int64
	// Values are of type nil, int64, float64, string or []byte. Columns that were added to the
	// table after the row was written are missing.
	Values []any
}

// Rows calls yield for each intact row on the pages whose root is wanted, in the order of the
// pages. It skips pages that are not in use. It returns how many rows on these pages were not
// intact. Rows on the interior pages of an index count, too.
func (f *File) Rows(ctx context.Context, wanted func(root int) bool, yield func(Row) error) (broken int, err error) {
	for number := 1; number <= f.pages; number++ {
		if err := ctx.Err(); err != nil {
			return broken, err
		}
		switch f.kinds[number-1] {
		case tableLeaf, indexLeaf, indexInterior:
		default:
			continue
		}
		root := f.root(number)
		if !wanted(root) {
			continue
		}
		p, err := f.page(number)
		if err != nil {
			return broken, err
		}
		rows := f.pageRows(p)
		broken += p.cells - len(rows)
		for _, row := range rows {
			row.Page, row.Root = number, root
			if err := yield(row); err != nil {
				return broken, err
			}
		}
	}
	return broken, nil
}

// root returns the topmost page above a page.
func (f *File) root(number int) int {
	for range f.pages { // damaged pages may refer to each other in a circle
		parent := int(f.parents[number-1])
		if parent == 0 || !fits(f.kinds[parent-1], f.kinds[number-1]) {
			return number
		}
		number = parent
	}
	return number
}

// fits tells whether a page of one kind can be below a page of another.
func fits(above, below kind) bool {
	if above == tableInterior {
		return below == tableInterior || below == tableLeaf
	}
	return above == indexInterior && (below == indexInterior || below == indexLeaf)
}

// pageRows returns the trustworthy rows of a page, in order.
func (f *File) pageRows(p page) []Row {
	type cell struct {
		at, end int // position on the page
		row     Row
		ok      bool
	}
	cells := make([]cell, p.cells)
	places := make([]int, p.cells) // the cells ordered by position
	for i := range cells {
		c := &cells[i]
		places[i], c.at = i, p.cell(i)
		c.row.Numbered = p.kind == tableLeaf
		var data []byte
		if data, c.row.Number, c.end, c.ok = f.payload(p, c.at); c.ok {
			c.row.Values, c.ok = decode(data)
		}
	}
	slices.SortFunc(places, func(a, b int) int { return cmp.Compare(cells[a].at, cells[b].at) })
	gaps := p.gaps()
	damaged := make([]bool, p.cells) // indexed like places
	for k, i := range places {
		next := f.usable
		if k+1 < len(places) {
			next = cells[places[k+1]].at
		}
		c := cells[i]
		damaged[k] = !c.ok || c.end > next || next-c.end-gaps.between(c.end, next) > p.fragments()
	}
	for k, i := range places {
		if damaged[k] || k > 0 && damaged[k-1] || k+1 < len(places) && damaged[k+1] {
			cells[i].ok = false
		}
	}
	var rows []Row
	for _, c := range cells {
		if c.ok {
			rows = append(rows, c.row)
		}
	}
	return rows
}

// decode returns the values of a row. The lengths must add up, and text must be valid UTF-8.
func decode(data []byte) ([]any, bool) {
	size, n := varint(data)
	if n == 0 || size > uint64(len(data)) || int(size) < n {
		return nil, false
	}
	types, body := data[n:size], data[size:]
	var values []any
	for len(types) > 0 {
		serial, n := varint(types)
		if n == 0 {
			return nil, false
		}
		types = types[n:]
		width, ok := widthOf(serial)
		if !ok || width > uint64(len(body)) {
			return nil, false
		}
		v, ok := value(serial, body[:width])
		if !ok {
			return nil, false
		}
		values, body = append(values, v), body[width:]
	}
	return values, len(body) == 0 && len(values) > 0
}

// widthOf returns how many bytes a value of a serial type takes.
func widthOf(serial uint64) (uint64, bool) {
	switch {
	case serial >= 12:
		return (serial - 12) / 2, true
	case serial == 10 || serial == 11: // reserved, never in files
		return 0, false
	}
	return [...]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}[serial], true
}

func value(serial uint64, data []byte) (any, bool) {
	switch {
	case serial == 0:
		return nil, true
	case serial == 7:
		v := math.Float64frombits(binary.BigEndian.Uint64(data))
		return v, !math.IsNaN(v)
	case serial == 8 || serial == 9:
		return int64(serial - 8), true
	case serial < 7:
		v := int64(int8(data[0]))
		for _, b := range data[1:] {
			v = v<<8 | int64(b)
		}
		return v, true
	case serial%2 == 1:
		return string(data), utf8.Valid(data)
	}
	return append([]byte{}, data...), true
}
