package collector

import "io"

// Decoded is what tests see of an answer.
type Decoded struct {
	Status, ErrorType, Error string
	Warnings, Infos          []string
	Series                   []Series
	Histograms               int
}

// Decode runs the decoder with limits that tests choose.
func Decode(r io.Reader, bytes, samples int64) (Decoded, error) {
	a, err := decode(r, limits{bytes, samples})
	return Decoded{a.status, a.errorType, a.errorText, a.warnings, a.infos, a.series, a.histograms}, err
}

// Quotient is m/10^k.
func Quotient(m uint64, k int) float64 { return quotient(m, k) }
