package boost

import "math/bits"

// cell is the sum of the gradient words of some rows: two integers that hold
// four sums. Integers add up to the same in any order, and a parent's cell
// less one child's is exactly the other child's.
type cell struct{ a, b int64 }

func (c *cell) add(d cell) { c.a += d.a; c.b += d.b }
func (c cell) less(d cell) cell {
	return cell{c.a - d.a, c.b - d.b}
}

// packing says where the sums lie in a cell:
//
//	a = gradient·2^spread + spread gradient   (fixed point, signed)
//	b = hessian·2^count + rows                (fixed point, unsigned)
//
// The second gradient is for objectives that look in two directions; others
// give it no bits.
type packing struct {
	spread, count     uint
	gradient, hessian float64 // units of 1 in the fixed point
}

// newPacking leaves room for n rows with gradients up to g and hessians up to
// h in absolute value, with one gradient or two.
func newPacking(n int, g, h float64, two bool) packing {
	room := uint(bits.Len(uint(n)))
	p := packing{count: room, hessian: float64(uint64(1)<<(62-2*room)) / h}
	if two {
		p.spread = 32
	}
	p.gradient = float64(uint64(1)<<(62-p.spread-room)) / g
	return p
}

// word packs one row.
func (p *packing) word(gradient, spread, hessian float64) cell {
	return cell{
		a: round(gradient*p.gradient)<<p.spread + round(spread*p.gradient),
		b: round(hessian*p.hessian)<<p.count + 1,
	}
}

func round(v float64) int64 {
	if v < 0 {
		return -int64(0.5 - v)
	}
	return int64(v + 0.5)
}

// sums unpacks a cell.
func (p *packing) sums(c cell) (gradient, spread, hessian float64) {
	s := c.a << (64 - p.spread) >> (64 - p.spread)
	return float64((c.a-s)>>p.spread) / p.gradient, float64(s) / p.gradient, float64(c.b>>p.count) / p.hessian
}

func (p *packing) rows(c cell) int { return int(c.b & (1<<p.count - 1)) }

// board is where a worker sums up the codes of a group.
type board [lanes][256]cell

// sum adds the words of rows to the boards of all lanes; words[i] belongs to rows[i].
func (b *board) sum(rows []int32, words []cell, codes []uint32) {
	words = words[:len(rows)]
	for i, r := range rows {
		c, w := codes[r], words[i]
		p := &b[0][uint8(c)]
		p.a += w.a
		p.b += w.b
		p = &b[1][uint8(c>>8)]
		p.a += w.a
		p.b += w.b
		p = &b[2][uint8(c>>16)]
		p.a += w.a
		p.b += w.b
		p = &b[3][uint8(c>>24)]
		p.a += w.a
		p.b += w.b
	}
}

// sumOne does the same for one lane.
func (b *board) sumOne(lane int, rows []int32, words []cell, codes []uint32) {
	words = words[:len(rows)]
	cells := &b[lane]
	for i, r := range rows {
		p := &cells[uint8(codes[r]>>(8*lane))]
		p.a += words[i].a
		p.b += words[i].b
	}
}
