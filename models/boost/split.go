package boost

// split is a way to divide a leaf: codes up to code go left, missing where
// missing says. Its gain is how much the sum of score grows; 0 is no split.
type split struct {
	gain    float64
	column  int // of the table
	code    int
	missing uint8 // 0: left; 1: right
	left    cell
}

// better orders splits; of equals the one found first stays.
func (s split) better(than split) bool { return s.gain > than.gain }

// search holds what finding a split needs to know.
type search struct {
	packing packing
	minLeaf int
	l2      float64
}

// score is what a leaf gains over staying as it is: (g² + s²)/(h + λ), up to
// a constant factor, for gradients g and s and hessian h.
func (s *search) score(c cell) float64 {
	g, t, h := s.packing.sums(c)
	if h += s.l2; h <= 0 {
		return 0
	}
	return (g*g + t*t) / h
}

// least is the gain, relative to the score of the leaf, that rounding cannot fake.
const least = 1e-10

// best returns the best split of one column of a leaf, given its cells and
// their total. Missing rows are tried on either side; where a leaf has none,
// missing goes with the larger child.
func (s *search) best(column int, cells []cell, total cell) split {
	n := s.packing.rows(total)
	if n < 2*s.minLeaf {
		return split{}
	}
	var found split
	whole := s.score(total)
	most := least * whole
	try := func(left cell, last int, missing uint8) {
		for code := 1; code <= last; code++ {
			if cells[code].b == 0 {
				continue // the same split as one code before
			}
			left.add(cells[code])
			rows := s.packing.rows(left)
			if rows < s.minLeaf {
				continue
			}
			if n-rows < s.minLeaf {
				break
			}
			if gain := s.score(left) + s.score(total.less(left)) - whole; gain > most {
				most = gain
				found = split{gain: gain, column: column, code: code, missing: missing, left: left}
			}
		}
	}
	if cells[0].b == 0 {
		try(cell{}, len(cells)-2, 0)
		if n > 2*s.packing.rows(found.left) {
			found.missing = 1
		}
		return found
	}
	try(cells[0], len(cells)-2, 0)
	try(cell{}, len(cells)-1, 1) // with the last code: values left, missing right
	return found
}
