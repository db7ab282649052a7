package boost

import (
	"math"
	"math/bits"
)

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
// give it no bits. Units are powers of two and sums have up to 52 bits: as
// float64 they are still exact.
type packing struct {
	spread, count     uint
	gradient, hessian float64 // the unit of the fixed point
}

// newPacking leaves room for n rows with gradients up to g and hessians up to
// h in absolute value, with one gradient or two.
func newPacking(n int, g, h float64, two bool) packing {
	room := bits.Len(uint(n))
	p := packing{count: uint(room)}
	if two {
		p.spread = 32
	}
	p.gradient = unit(g, min(52, 62-int(p.spread))-room)
	p.hessian = unit(h, min(52, 62-room)-room)
	return p
}

// unit is the power of two in which v takes at most so many bits.
func unit(v float64, bits int) float64 {
	_, exponent := math.Frexp(v) // v ≤ 2^exponent
	return math.Ldexp(1, exponent-bits)
}

// word packs one row. Its hessian is one unit at least: no leaf divides by 0.
func (p *packing) word(gradient, spread, hessian float64) cell {
	return cell{
		a: round(gradient/p.gradient)<<p.spread + round(spread/p.gradient),
		b: max(1, round(hessian/p.hessian))<<p.count + 1,
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
	return float64((c.a-s)>>p.spread) * p.gradient, float64(s) * p.gradient, float64(c.b>>p.count) * p.hessian
}

func (p *packing) rows(c cell) int { return int(c.b & (1<<p.count - 1)) }

// board is where a worker sums up the codes of a group. It just fits the cache
// next to the processor.
type board [lanes][256]cell

// sum adds the words of rows to the boards of all lanes; words[i] belongs to
// rows[i]. Most of the time of a fit is spent here.
func (b *board) sum(rows []int32, words []cell, codes []uint64) {
	words = words[:len(rows)]
	for i, r := range rows {
		c, w := codes[r], words[i]
		b[0][uint8(c)].add(w)
		b[1][uint8(c>>8)].add(w)
		b[2][uint8(c>>16)].add(w)
		b[3][uint8(c>>24)].add(w)
		b[4][uint8(c>>32)].add(w)
		b[5][uint8(c>>40)].add(w)
		b[6][uint8(c>>48)].add(w)
		b[7][uint8(c>>56)].add(w)
	}
}

// sumOne does the same for one lane.
func (b *board) sumOne(lane int, rows []int32, words []cell, codes []uint64) {
	words = words[:len(rows)]
	sums := &b[lane]
	for i, r := range rows {
		sums[uint8(codes[r]>>(8*lane))].add(words[i])
	}
}
