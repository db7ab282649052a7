package collector

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// longSample is the most bytes that the quick way looks at for one sample.
const longSample = 80

// quickSample takes a sample that lies whole in the buffer and is spelled as
// Prometheus spells it: [1435781430.781,"0.25"]. Where it does not, ok is false
// and nothing is taken.
func (s *scanner) quickSample() (ms int64, v float64, ok bool) {
	if s.end-s.pos < longSample {
		s.fill()
		if s.end-s.pos < longSample {
			return 0, 0, false
		}
	}
	b := (*[longSample]byte)(s.buf[s.pos:])
	ms, i := s.quickTime(b)
	if i == 0 {
		return 0, 0, false
	}
	if b[i] != ',' || b[i+1] != '"' {
		return 0, 0, false
	}
	v, i, ok = quickFloat(b, i+2)
	if !ok || b[i] != '"' || b[i+1] != ']' {
		return 0, 0, false
	}
	s.pos += i + 2
	return ms, v, true
}

// quickTime reads a bracket and a time; end is 0 where it is spelled in another
// way. The first eight digits are mostly those of the sample before.
func (s *scanner) quickTime(b *[longSample]byte) (ms int64, end int) {
	if b[0] != '[' {
		return 0, 0
	}
	if binary.LittleEndian.Uint64(b[1:9]) == s.same && b[9]-'0' < 10 && b[10]-'0' < 10 {
		ms = s.sameTime + int64(b[9]-'0')*10000 + int64(b[10]-'0')*1000
		if b[11] == ',' {
			return ms, 11
		}
		if b[11] == '.' && b[12]-'0' < 10 && b[13]-'0' < 10 && b[14]-'0' < 10 && b[15] == ',' {
			return ms + int64(b[12]-'0')*100 + int64(b[13]-'0')*10 + int64(b[14]-'0'), 15
		}
	}
	if b[1] == '0' && b[2] != ',' {
		return 0, 0
	}
	seconds, i := digits16(b, 1)
	if i == 1 || i > 13 {
		return 0, 0
	}
	if i == 11 {
		s.same, s.sameTime = binary.LittleEndian.Uint64(b[1:9]), int64(seconds/100)*100_000
	}
	ms = int64(seconds) * 1000
	if b[i] == '.' {
		part, n := digits8(b, i+1)
		if n == 0 || n > 3 {
			return 0, 0
		}
		ms += int64(part * tens[3-n])
		i += 1 + n
	}
	return ms, i
}

// quickFloat reads a plain decimal number of at most 19 digits, 16 of them on
// either side of the point, from b[i:], or NaN, and returns where it ends; ok is
// false for anything else.
func quickFloat(b *[longSample]byte, i int) (v float64, end int, ok bool) {
	if b[i] == 'N' && b[i+1] == 'a' && b[i+2] == 'N' {
		return math.NaN(), i + 3, true
	}
	negative := b[i] == '-'
	if negative {
		i++
	}
	m, digits := digits8(b, i)
	i += digits
	if digits == 8 {
		low, n := digits8(b, i)
		m, digits, i = m*tens[n]+low, 8+n, i+n
	}
	if b[i] != '.' {
		v = float64(m)
	} else {
		part, places := digits8(b, i+1)
		if places == 8 {
			low, n := digits8(b, i+9)
			part, places = part*tens[n]+low, 8+n
		}
		i += 1 + places
		if digits += places; digits > 19 {
			return 0, i, false
		}
		if m = m*tens[places] + part; m != 0 {
			v = quotient(m, places)
		}
	}
	if negative {
		v = -v
	}
	return v, i, digits > 0
}

// digits16 reads up to 16 decimal digits from b[i:] and returns where they end.
func digits16(b *[longSample]byte, i int) (v uint64, end int) {
	v, n := digits8(b, i)
	if n == 8 {
		low, k := digits8(b, i+8)
		return v*tens[k] + low, i + 8 + k
	}
	return v, i + n
}

// digits8 reads up to 8 decimal digits from b[i:], all at once: their values lie
// in the bytes of one word, which are added up in pairs, fours and eights.
func digits8(b *[longSample]byte, i int) (v uint64, n int) {
	x := binary.LittleEndian.Uint64(b[i:i+8]) ^ 0x3030303030303030 // '0' is 0x30
	// The high bit of a byte is set where it is over 9; a carry spoils only
	// what follows such a byte.
	other := ((x + 0x7676767676767676) | x) & 0x8080808080808080
	n = bits.TrailingZeros64(other) / 8 // 8 where all are digits
	x <<= (64 - 8*n) & 127              // what is left comes last, behind leading zeros
	x = x*10 + x>>8
	v = ((x&0x000000FF000000FF)*(100+1000000<<32) + (x>>16&0x000000FF000000FF)*(1+10000<<32)) >> 32
	return v, n
}

// sample takes a sample however it is spelled.
func (s *scanner) sample() (ms int64, v float64, err error) {
	if err := s.expect('['); err != nil {
		return 0, 0, err
	}
	return s.restOfSample()
}

// restOfSample takes a sample after its opening bracket.
func (s *scanner) restOfSample() (ms int64, v float64, err error) {
	text, err := s.number()
	if err != nil {
		return 0, 0, err
	}
	seconds, ok := parseFloat(text)
	if !ok || math.Abs(seconds) > 1e12 {
		return 0, 0, s.errorf("%q is no time in Unix seconds", text)
	}
	if err := s.expect(','); err != nil {
		return 0, 0, err
	}
	if text, err = s.str(); err != nil {
		return 0, 0, err
	}
	if v, ok = parseFloat(text); !ok {
		return 0, 0, s.errorf("%q is not a number", text)
	}
	return int64(math.Round(seconds * 1000)), v, s.expect(']')
}
