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

// least is the gain, relative to the score of the leaf, that rounding cannot fake.
const least = 1e-10

// best returns the best split of one column of a leaf, given its cells and
// their total. Missing rows are tried on either side; where a leaf has none,
// missing goes with the larger child.
//
// A leaf's score, what it can gain over staying as it is, is (g² + s²)/(h + l2)
// for its gradients g and s and its hessian h, up to a constant factor. The
// gain of a split is the children's scores less the leaf's.
func (s *search) best(column int, cells []cell, total cell) split {
	p := &s.packing
	n := p.rows(total)
	if n < 2*s.minLeaf {
		return split{}
	}
	var found split
	tg, ts, th := p.sums(total)
	whole := (tg*tg + ts*ts) / (th + s.l2)
	most := least * whole
	try := func(left cell, last int, missing uint8) {
		for code, c := range cells[:last+1] {
			if c.b == 0 || code == 0 {
				continue // the same split as one code before
			}
			left.add(c)
			rows := p.rows(left)
			if rows < s.minLeaf {
				continue
			}
			if n-rows < s.minLeaf {
				break
			}
			lg, ls, lh := p.sums(left)
			rg, rs, rh := tg-lg, ts-ls, th-lh+s.l2
			lh += s.l2
			gain := ((lg*lg+ls*ls)*rh+(rg*rg+rs*rs)*lh)/(lh*rh) - whole
			if gain > most {
				most = gain
				found = split{gain: gain, column: column, code: code, missing: missing, left: left}
			}
		}
	}
	if cells[0].b == 0 {
		try(cell{}, len(cells)-2, 0)
		if n > 2*p.rows(found.left) {
			found.missing = 1
		}
		return found
	}
	try(cells[0], len(cells)-2, 0)
	try(cell{}, len(cells)-1, 1) // with the last code: values left, missing right
	return found
}
