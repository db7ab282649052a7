package collector

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// powers of ten that fit in 64 bits.
var tens = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// quotient returns m/10^k rounded to the nearest float64, ties to even, for
// k < 20: exactly what strconv makes of the decimal number. It divides 128 bits
// by 64, so that the 64 bits of the quotient and whether there is a remainder
// decide the rounding.
func quotient(m uint64, k int) float64 {
	if m < 1<<53 {
		return float64(m) / float64(tens[k]) // both are exact, so one rounding
	}
	d := tens[k]
	shiftM, shiftD := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m, d = m<<shiftM, d<<shiftD
	// m·2^63/d is in (2^62, 2^64): m/2 < d, both having their top bit set.
	q, rest := bits.Div64(m>>1, m<<63, d)
	exp := shiftD - shiftM - 63
	if rest != 0 {
		q |= 1 // below all that counts, so that half is told from a little more
	}
	lost := 11 - bits.LeadingZeros64(q) // bits beyond 53
	low, odd := q&(1<<lost-1), q>>lost&1
	q = q>>lost + (low+1<<(lost-1)-1+odd)>>lost
	// q has its 53rd bit set, or is 2^53, which carries into the exponent.
	return math.Float64frombits(uint64(exp+lost+52+1023)<<52 + (q - 1<<52))
}

// parseFloat reads a sample's value as Prometheus writes it; ok is false where
// it is not a number.
func parseFloat(text []byte) (v float64, ok bool) {
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	return v, err == nil
}
