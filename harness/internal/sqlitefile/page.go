package sqlitefile

import (
	"encoding/binary"
)

// page is a page of a tree, if its kind says so.
type page struct {
	number int
	kind   kind
	data   []byte
	start  int // of its header; on the first page that follows the header of the file
	cells  int
}

// page reads a page. If it is not part of a tree, or if its header contradicts itself, its kind is
// unreadable.
func (f *File) page(number int) (page, error) {
	data, err := f.content(number)
	if err != nil {
		return page{}, err
	}
	p := page{number: number, data: data}
	if number == 1 {
		p.start = headerSize
	}
	switch k := kind(data[p.start]); k {
	case indexInterior, tableInterior, indexLeaf, tableLeaf:
		p.kind = k
	default:
		return p, nil
	}
	p.cells = int(binary.BigEndian.Uint16(data[p.start+3:]))
	content := int(binary.BigEndian.Uint16(data[p.start+5:]))
	if content == 0 {
		content = maxPageSize
	}
	end := p.pointers() + 2*p.cells
	if end > f.usable || content < end || content > f.usable || p.interior() && p.cells == 0 {
		p.kind, p.cells = unreadable, 0
		return p, nil
	}
	for i := range p.cells {
		if at := p.cell(i); at < content || at > f.usable-4 {
			p.kind, p.cells = unreadable, 0
			break
		}
	}
	return p, nil
}

func (p page) interior() bool { return p.kind == indexInterior || p.kind == tableInterior }

// pointers is where the list of cell positions begins.
func (p page) pointers() int {
	if p.interior() {
		return p.start + 12
	}
	return p.start + 8
}

// cell returns where a cell begins.
func (p page) cell(i int) int { return int(binary.BigEndian.Uint16(p.data[p.pointers()+2*i:])) }

// children returns the pages below an interior page.
func (p page) children() []int {
	if !p.interior() {
		return nil
	}
	list := []int{int(binary.BigEndian.Uint32(p.data[p.start+8:]))}
	for i := range p.cells {
		list = append(list, int(binary.BigEndian.Uint32(p.data[p.cell(i):])))
	}
	return list
}

// gaps returns the free stretches between cells that the page lists: where they begin, and their
// sizes.
type gaps map[int]int

func (p page) gaps() gaps {
	found := gaps{}
	for at := int(binary.BigEndian.Uint16(p.data[p.start+1:])); at > 0 && at+4 <= len(p.data) && found[at] == 0; {
		found[at] = int(binary.BigEndian.Uint16(p.data[at+2:]))
		at = int(binary.BigEndian.Uint16(p.data[at:]))
	}
	return found
}

// between returns how many bytes of gaps lie between two cells.
func (g gaps) between(end, next int) (sum int) {
	for at, size := range g {
		if at >= end && at+size <= next {
			sum += size
		}
	}
	return sum
}

// fragments returns how many bytes of the page are in free pieces that are too small to be listed.
func (p page) fragments() int { return int(p.data[p.start+7]) }

// payload returns the content of a cell's row, the number of the row if the table numbers its rows,
// and where the cell ends. ok is false if these cannot be right.
func (f *File) payload(p page, at int) (data []byte, id int64, end int, ok bool) {
	rest := p.data[at:f.usable]
	if p.kind == indexInterior {
		rest = rest[4:] // the page below
	}
	size, n := varint(rest)
	if n == 0 || size > uint64(f.pages)*uint64(f.usable) {
		return nil, 0, at, false
	}
	rest = rest[n:]
	if p.kind == tableLeaf {
		number, n := varint(rest)
		if n == 0 {
			return nil, 0, at, false
		}
		id, rest = int64(number), rest[n:]
	}
	here := f.local(p.kind, int(size))
	spills := here < int(size)
	taken := here
	if spills {
		taken += 4
	}
	if taken > len(rest) {
		return nil, 0, at, false
	}
	end = max(f.usable-len(rest)+taken, at+4) // no cell is shorter than 4 bytes
	if !spills {
		return rest[:here], id, end, true
	}
	data, ok = f.follow(append(make([]byte, 0, size), rest[:here]...), int(size), int(binary.BigEndian.Uint32(rest[here:])))
	return data, id, end, ok
}

// local returns how many bytes of a row of this size are in the cell itself.
func (f *File) local(k kind, size int) int {
	most := f.usable - 35
	if k != tableLeaf {
		most = (f.usable-12)*64/255 - 23
	}
	if size <= most {
		return size
	}
	least := (f.usable-12)*32/255 - 23
	if n := least + (size-least)%(f.usable-4); n <= most {
		return n
	}
	return least
}

// follow reads the rest of a row from its overflow pages. Their number must be right, and none may
// be a page of a tree.
func (f *File) follow(data []byte, size, next int) ([]byte, bool) {
	var chain []int
	for len(data) < size {
		if next < 2 || next > f.pages || f.kinds[next-1] != unreadable {
			return nil, false
		}
		page, err := f.content(next)
		if err != nil {
			return nil, false
		}
		chain = append(chain, next)
		next = int(binary.BigEndian.Uint32(page))
		data = append(data, page[4:4+min(size-len(data), f.usable-4)]...)
	}
	if next != 0 {
		return nil, false
	}
	for _, number := range chain {
		f.spilled[number] = struct{}{}
	}
	return data, true
}

// varint decodes an integer of variable length and returns how many bytes it takes; 0 if data ends
// too early.
func varint(data []byte) (v uint64, n int) {
	for n = range min(len(data), 9) {
		if n == 8 {
			return v<<8 | uint64(data[n]), 9
		}
		v = v<<7 | uint64(data[n]&0x7f)
		if data[n] < 0x80 {
			return v, n + 1
		}
	}
	return 0, 0
}
