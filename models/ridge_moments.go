package models

import (
	"gonum.org/v1/gonum/floats"
)

// moments are the sums of products of all pairs of values within windows of so
// many consecutive values, as the window slides over series row by row, and of
// each value with one more number a row, the extra. For rows r = 0…R−1 over z
//
//	M[i][j] = Σ_r z[r+i]·z[r+j]
//
// and since a row's next window is its own moved by one,
//
//	M[i+1][j+1] = M[i][j] + z[R+i]·z[R+j] − z[i]·z[j]
//
// so that only the first row of M costs a pass over the data: R·w products and
// about w² at the edges, where the direct product costs R·w²/2. Sums of several
// series add up before the recursion runs.
type moments struct {
	width int
	rows  float64
	first []float64 // M[0][j]
	edges []float64 // width×width, upper triangle: M[i][j] − M[i−1][j−1]
	cross []float64 // Σ_r extra[r]·z[r+i]
	extra float64   // Σ_r extra[r]²
}

func newMoments(width int) *moments {
	return &moments{width: width, first: make([]float64, width), edges: make([]float64, width*width), cross: make([]float64, width)}
}

// add slides over z, whose length is len(extra)+width−1; all of it is finite.
func (m *moments) add(z, extra []float64) {
	w, rows := m.width, len(extra)
	for j := range w {
		m.first[j] += floats.Dot(z[:rows], z[j:j+rows])
		m.cross[j] += floats.Dot(extra, z[j:j+rows])
	}
	for i := range w - 1 {
		edge := m.edges[(i+1)*w+i+1 : (i+2)*w]
		floats.AddScaled(edge, z[rows+i], z[rows+i:rows+w-1])
		floats.AddScaled(edge, -z[i], z[i:w-1])
	}
	m.extra += floats.Dot(extra, extra)
	m.rows += float64(rows)
}

// plus adds the sums of other series with windows as wide.
func (m *moments) plus(o *moments) {
	floats.Add(m.first, o.first)
	floats.Add(m.edges, o.edges)
	floats.Add(m.cross, o.cross)
	m.extra += o.extra
	m.rows += o.rows
}

// matrix is M, symmetric, (width+1)×(width+1) and row-major, the extra behind
// the window.
func (m *moments) matrix() []float64 {
	w, n := m.width, m.width+1
	a := make([]float64, n*n)
	for i := range w {
		for j := i; j < w; j++ {
			v := m.first[j]
			if i > 0 {
				v = a[(i-1)*n+j-1] + m.edges[i*w+j]
			}
			a[i*n+j], a[j*n+i] = v, v
		}
		a[i*n+w], a[w*n+i] = m.cross[i], m.cross[i]
	}
	a[n*n-1] = m.extra
	return a
}
