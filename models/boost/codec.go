package boost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// ErrCorrupt says that bytes are not an ensemble, not all of one, or one of
// another version: train again.
var ErrCorrupt = errors.New("corrupt ensemble")

// The bytes of an ensemble, numbers in little endian: magic; the counts of
// columns, outputs, trees, nodes and leaves (4 bytes each); base and gain;
// roots (4 each); nodes (threshold 8, child 4, column 2, marks 1, cover 4);
// values; and a checksum of all that (CRC-32, 4 bytes).
const (
	magic     = "boost\x00\x00\x01"
	headBytes = len(magic) + 5*4
	nodeBytes = 8 + 4 + 2 + 1 + 4
)

// Marks of a node.
const (
	markMissing = 1 << iota // NaN goes right
	markLeaf
)

var le = binary.LittleEndian

// AppendBinary appends the ensemble's bytes to b. Its error is always nil.
func (e *Ensemble) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	leaves := len(e.values) / e.outputs
	b = append(b, magic...)
	for _, n := range []int{e.columns, e.outputs, len(e.roots), len(e.nodes), leaves} {
		b = le.AppendUint32(b, uint32(n))
	}
	b = appendFloats(appendFloats(b, e.base), e.gain)
	for _, r := range e.roots {
		b = le.AppendUint32(b, uint32(r))
	}
	for i, n := range e.nodes {
		b = le.AppendUint64(b, math.Float64bits(n.threshold))
		b = le.AppendUint32(b, uint32(n.child))
		b = le.AppendUint16(b, n.column)
		marks := n.missing * markMissing
		if n.leaf {
			marks |= markLeaf
		}
		b = append(b, marks)
		b = le.AppendUint32(b, uint32(e.cover[i]))
	}
	b = appendFloats(b, e.values)
	return le.AppendUint32(b, crc32.ChecksumIEEE(b[start:])), nil
}

func appendFloats(b []byte, v []float64) []byte {
	for _, f := range v {
		b = le.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

// Unmarshal reads an ensemble that AppendBinary wrote. Anything else gives
// ErrCorrupt; what it allocates is bounded by the length of b.
func Unmarshal(b []byte) (*Ensemble, error) {
	if len(b) < headBytes+4 || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("boost: %w: no header", ErrCorrupt)
	}
	body, sum := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, fmt.Errorf("boost: %w: checksum", ErrCorrupt)
	}
	r := reader{b: body[len(magic):]}
	columns, outputs, trees, nodes, leaves := r.count(), r.count(), r.count(), r.count(), r.count()
	// Bounded one by one, the products below cannot overflow.
	if columns < 1 || columns > maxColumns || outputs < 1 || outputs > maxOutputs || max(trees, nodes, leaves) > math.MaxInt32 {
		return nil, fmt.Errorf("boost: %w: counts", ErrCorrupt)
	}
	if uint64(len(r.b)) != (outputs+columns+leaves*outputs)*8+trees*4+nodes*nodeBytes {
		return nil, fmt.Errorf("boost: %w: length", ErrCorrupt)
	}
	e := &Ensemble{columns: int(columns), outputs: int(outputs), base: r.floats(outputs), gain: r.floats(columns)}
	e.roots, e.nodes, e.cover = make([]int32, trees), make([]node, nodes), make([]int32, nodes)
	for i := range e.roots {
		e.roots[i] = int32(r.count())
	}
	for i := range e.nodes {
		e.nodes[i] = node{threshold: math.Float64frombits(r.next(8)), child: int32(r.next(4)), column: uint16(r.next(2))}
		marks := r.next(1)
		if marks > markMissing|markLeaf {
			return nil, fmt.Errorf("boost: %w: marks of node %d", ErrCorrupt, i)
		}
		e.nodes[i].missing, e.nodes[i].leaf = uint8(marks&markMissing), marks&markLeaf != 0
		e.cover[i] = int32(r.next(4))
	}
	e.values = r.floats(leaves * outputs)
	if err := e.check(int(leaves)); err != nil {
		return nil, fmt.Errorf("boost: %w: %w", ErrCorrupt, err)
	}
	e.seal()
	return e, nil
}

// check makes sure that every walk ends in a leaf and that all numbers are numbers.
func (e *Ensemble) check(leaves int) error {
	for _, v := range slices.Concat(e.base, e.gain, e.values) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("value %v", v)
		}
	}
	// A split's children lie behind it, inside its tree, and are nobody else's:
	// nodes come in the order in which they were split off.
	leaf := 0
	for t, root := range e.roots {
		end := int32(len(e.nodes))
		if t+1 < len(e.roots) {
			end = e.roots[t+1]
		}
		if root < 0 || root >= end || end > int32(len(e.nodes)) || (t == 0) != (root == 0) {
			return fmt.Errorf("root of tree %d", t)
		}
		taken := make([]bool, end-root) // by a parent
		seen := make([]bool, end-root)  // leaves
		taken[0] = true
		first := leaf
		for i := root; i < end; i++ {
			n := &e.nodes[i]
			if !taken[i-root] || e.cover[i] < 1 {
				return fmt.Errorf("node %d", i)
			}
			if n.leaf {
				at := int(n.child) - first
				if at < 0 || at >= len(seen) || seen[at] || n.threshold != 0 || n.column != 0 || n.missing != 0 {
					return fmt.Errorf("leaf %d", i)
				}
				seen[at] = true
				leaf++
				continue
			}
			if n.child <= i || n.child > end-2 || taken[n.child-root] || taken[n.child+1-root] ||
				int(n.column) >= e.columns || math.IsNaN(n.threshold) ||
				int64(e.cover[i]) != int64(e.cover[n.child])+int64(e.cover[n.child+1]) {
				return fmt.Errorf("split %d", i)
			}
			taken[n.child-root], taken[n.child+1-root] = true, true
		}
		if slices.Contains(seen[:leaf-first], false) {
			return fmt.Errorf("leaves of tree %d", t)
		}
	}
	if leaf != leaves || len(e.roots) == 0 && len(e.nodes) > 0 {
		return fmt.Errorf("%d leaves of %d", leaf, leaves)
	}
	return nil
}

// reader takes numbers off bytes that are known to be long enough.
type reader struct{ b []byte }

func (r *reader) next(bytes int) uint64 {
	var v uint64
	for i, x := range r.b[:bytes] {
		v |= uint64(x) << (8 * i)
	}
	r.b = r.b[bytes:]
	return v
}

func (r *reader) count() uint64 { return r.next(4) }

func (r *reader) floats(n uint64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Float64frombits(r.next(8))
	}
	return v
}
