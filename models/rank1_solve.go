package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	rank1Blocks = 5 // of time, each left out once to choose the ridge
	rank1Rounds = 5 // of reweighting
	rank1Usual  = 0.03
)

// rank1Ridges are the strengths of the ridge that are tried, in mean squares of a
// regressor, strongest first.
func rank1Ridges() []float64 { return []float64{100, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003} }

// regress finds the weights that make Σ |y − x·w| small, by ridge regressions in
// which large residuals count for less (iteratively reweighted least squares).
// How strong the ridge is is what forecasts best the blocks of time that it has
// not seen. Cases of none leave the weights of the knot before.
func (c *rank1Cases) regress(width int, before []float64) []float64 {
	w := make([]float64, width)
	if len(c.y) == 0 {
		copy(w, before)
		return w
	}
	blocks := c.blocks()
	ridge := rank1Usual
	for round := range rank1Rounds {
		parts := c.moments(width, blocks, w, round > 0)
		if round == rank1Rounds-2 {
			ridge = c.chooseRidge(width, blocks, parts)
		}
		all := newRank1Moments(width)
		for _, m := range parts {
			all.add(m)
		}
		if !all.solve(ridge, w) {
			break
		}
	}
	return w
}

// blocks parts the cases by time.
func (c *rank1Cases) blocks() []int {
	first, last := slices.Min(c.when), slices.Max(c.when)
	blocks := make([]int, len(c.when))
	for n, at := range c.when {
		blocks[n] = (at - first) * rank1Blocks / (last - first + 1)
	}
	return blocks
}

// chooseRidge leaves out each block once, and returns the strongest ridge that is
// worse than the best one by no more than a standard error over blocks (Breiman et
// al. 1984): of a few weeks one cannot know much about tomorrow, and the strongest
// ridge of all says that nothing changes.
func (c *rank1Cases) chooseRidge(width int, blocks []int, parts []rank1Moments) float64 {
	ridges := rank1Ridges()
	losses := make([][rank1Blocks]float64, len(ridges))
	best, lowest := 0, math.Inf(1)
	for i, ridge := range ridges {
		var w [rank1Blocks][]float64
		for left := range parts {
			rest := newRank1Moments(width)
			for b, m := range parts {
				if b != left {
					rest.add(m)
				}
			}
			w[left] = make([]float64, width)
			rest.solve(ridge, w[left])
		}
		sum := 0.0
		for n, y := range c.y {
			loss := math.Abs(y - dot(w[blocks[n]], c.x[n*width:(n+1)*width]))
			losses[i][blocks[n]] += loss
			sum += loss
		}
		if sum < lowest {
			best, lowest = i, sum
		}
	}
	for i := range best {
		var mean, square float64
		for b := range losses[i] {
			d := losses[i][b] - losses[best][b]
			mean, square = mean+d/rank1Blocks, square+d*d/rank1Blocks
		}
		if mean <= math.Sqrt((square-mean*mean)/rank1Blocks) {
			return ridges[i]
		}
	}
	return ridges[best]
}

// rank1Moments are Σ weight·x·xᵀ (its upper half) and Σ weight·x·y.
type rank1Moments struct {
	gram  []float64
	right []float64
}

func newRank1Moments(width int) rank1Moments {
	return rank1Moments{gram: make([]float64, width*width), right: make([]float64, width)}
}

func (m rank1Moments) add(other rank1Moments) {
	for i, v := range other.gram {
		m.gram[i] += v
	}
	for i, v := range other.right {
		m.right[i] += v
	}
}

// moments returns those of each block. Residuals of w that are larger than a
// tenth of the mean one count for as much less.
func (c *rank1Cases) moments(width int, blocks []int, w []float64, reweighted bool) []rank1Moments {
	parts := make([]rank1Moments, rank1Blocks)
	for b := range parts {
		parts[b] = newRank1Moments(width)
	}
	least := 0.0
	if reweighted {
		for n, y := range c.y {
			least += 0.1 * math.Abs(y-dot(w, c.x[n*width:(n+1)*width])) / float64(len(c.y))
		}
		least = max(least, 1e-9)
	}
	for n, y := range c.y {
		x, m, weight := c.x[n*width:(n+1)*width], parts[blocks[n]], 1.0
		if reweighted {
			weight = least / max(math.Abs(y-dot(w, x)), least)
		}
		for i, v := range x {
			if v == 0 {
				continue
			}
			for j := i; j < width; j++ {
				m.gram[i*width+j] += weight * v * x[j]
			}
			m.right[i] += weight * v * y
		}
	}
	return parts
}

// solve writes the ridge regression's weights; it leaves w where there is none.
func (m rank1Moments) solve(ridge float64, w []float64) bool {
	width := len(w)
	gram := mat.NewSymDense(width, nil)
	trace := 0.0
	for i := range width {
		for j := i; j < width; j++ {
			gram.SetSym(i, j, m.gram[i*width+j])
		}
		trace += m.gram[i*width+i]
	}
	for i := range width {
		gram.SetSym(i, i, gram.At(i, i)+ridge*trace/float64(width)+1e-9)
	}
	var chol mat.Cholesky
	solved := mat.NewVecDense(width, nil)
	if !chol.Factorize(gram) || chol.SolveVecTo(solved, mat.NewVecDense(width, slices.Clone(m.right))) != nil {
		return false
	}
	copy(w, solved.RawVector().Data)
	return true
}
