package boost

import (
	"context"
	"math"
)

// lanes is how many columns lie side by side in a group: one load fetches the
// codes of so many columns of a row.
const lanes = 8

// table holds the columns that can be split, in codes of one byte. Code 0 is
// missing; codes from 1 on order the values. Columns that are constant or all
// missing are left out.
type table struct {
	rows    int
	columns []column
	groups  [][]uint64 // per lanes columns: a row's codes, the first column's in the low byte
	cells   int        // of a histogram of all columns
}

// column is a column of the table. A value v has the code 1 + the number of
// cuts below v, so that v ≤ cuts[c-1] exactly where v's code is ≤ c.
type column struct {
	source int // its place in Data
	cuts   []float64
	cells  int // codes: missing and len(cuts)+1 bins
	offset int // of its first cell in a histogram
}

// threshold is the number that separates codes up to code from the rest. Above
// the last bin there is only missing.
func (c *column) threshold(code int) float64 {
	if code > len(c.cuts) {
		return math.Inf(1)
	}
	return c.cuts[code-1]
}

// newTable cuts every column by the values of the rows in use and encodes all rows.
func newTable(ctx context.Context, d Data, use []bool, bins int, c crew) (*table, error) {
	n := d.rows()
	all := make([]column, d.Columns)
	type scratch struct{ keys, spare []uint64 }
	scratches := make([]scratch, c)
	c.each(d.Columns, func(worker, j int) {
		if ctx.Err() != nil {
			return
		}
		s := &scratches[worker]
		if s.keys == nil {
			s.keys, s.spare = make([]uint64, n), make([]uint64, n)
		}
		m, seen := 0, 0
		for i := range n {
			if !use[i] {
				continue
			}
			seen++
			if v := d.X[i*d.Columns+j]; v == v {
				s.keys[m] = orderedKey(v)
				m++
			}
		}
		all[j] = column{source: j}
		if m == 0 {
			return
		}
		all[j].cuts = cutsOf(sortKeys(s.keys[:m], s.spare[:m]), bins)
		if len(all[j].cuts) > 0 || m < seen {
			all[j].cells = len(all[j].cuts) + 2
		}
	})
	t := &table{rows: n}
	for _, col := range all {
		if col.cells > 0 {
			col.offset = t.cells
			t.cells += col.cells
			t.columns = append(t.columns, col)
		}
	}
	t.groups = make([][]uint64, (len(t.columns)+lanes-1)/lanes)
	c.each(len(t.groups), func(_, g int) {
		if ctx.Err() == nil {
			t.groups[g] = encode(d, t.columns[g*lanes:min((g+1)*lanes, len(t.columns))])
		}
	})
	return t, ctx.Err()
}

// encode returns the codes of up to lanes columns side by side.
func encode(d Data, columns []column) []uint64 {
	var cuts [lanes][256]uint64 // ordered keys; unused ones above every value
	for k := range cuts {
		for b := range cuts[k] {
			cuts[k][b] = math.MaxUint64
		}
	}
	for k, c := range columns {
		for b, cut := range c.cuts {
			cuts[k][b] = orderedKey(cut)
		}
	}
	codes := make([]uint64, d.rows())
	for i := range codes {
		x := d.X[i*d.Columns : (i+1)*d.Columns]
		word := uint64(0)
		for k := range columns {
			if v := x[columns[k].source]; v == v {
				word |= (1 + below(&cuts[k], orderedKey(v))) << (8 * k)
			}
		}
		codes[i] = word
	}
	return codes
}

// below counts the cuts below key, in eight steps without a branch.
func below(cuts *[256]uint64, key uint64) uint64 {
	at := uint64(0)
	for step := uint64(128); step > 0; step >>= 1 {
		next := at + step
		if cuts[uint8(next-1)] < key {
			at = next
		}
	}
	return at
}

// cutsOf returns the upper edges of all bins but the last, given the sorted
// keys of a column. Where there are more distinct values than bins, bins take
// about equally many rows, and a value that fills a bin has it to itself. Cuts
// lie halfway between neighbouring values.
func cutsOf(keys []uint64, bins int) []float64 {
	distinct := 1
	for i := 1; i < len(keys); i++ {
		if keys[i] != keys[i-1] {
			distinct++
		}
	}
	var cuts []float64
	size, left := 0, len(keys) // rows in the open bin; rows from the open bin on
	for lo := 0; lo < len(keys) && len(cuts) < bins-1; {
		hi := lo + 1
		for hi < len(keys) && keys[hi] == keys[lo] {
			hi++
		}
		share := float64(left) / float64(bins-len(cuts))
		if size > 0 && float64(hi-lo) >= share && distinct > bins {
			cuts = append(cuts, halfway(keys[lo-1], keys[lo]))
			left -= size
			size = 0
			continue // the share has changed
		}
		size += hi - lo
		if hi < len(keys) && (float64(size) >= share || distinct <= bins) {
			cuts = append(cuts, halfway(keys[hi-1], keys[hi]))
			left -= size
			size = 0
		}
		lo = hi
	}
	return cuts
}

// halfway returns a number c with low ≤ c < high, with infinities taken for
// the largest numbers.
func halfway(low, high uint64) float64 {
	a, b := valueOf(low), valueOf(high)
	c := max(a, -math.MaxFloat64)/2 + min(b, math.MaxFloat64)/2
	if c >= a && c < b {
		return c
	}
	return a // neighbours, or numbers too small to halve
}

// orderedKey maps numbers to integers in the same order; −0 counts as 0.
func orderedKey(v float64) uint64 {
	if v == 0 {
		v = 0
	}
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func valueOf(key uint64) float64 {
	return math.Float64frombits(key ^ (uint64(int64(^key)>>63) | 1<<63))
}

// sortKeys sorts by radix, byte by byte from the lowest, passing over bytes
// that all keys share. It uses both slices (of equal length) and returns the
// one that ends up sorted.
func sortKeys(keys, spare []uint64) []uint64 {
	var counts [8][256]int
	for _, k := range keys {
		for b := range counts {
			counts[b][uint8(k>>(8*b))]++
		}
	}
	for b := range counts {
		at := &counts[b]
		if at[uint8(keys[0]>>(8*b))] == len(keys) {
			continue
		}
		sum := 0
		for v, n := range at {
			at[v] = sum
			sum += n
		}
		for _, k := range keys {
			v := uint8(k >> (8 * b))
			spare[at[v]] = k
			at[v]++
		}
		keys, spare = spare, keys
	}
	return keys
}
