package collector

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	scanBuffer = 64 << 10
	maxString  = 1 << 20 // bytes of one JSON string
	maxDepth   = 64      // of JSON that is skipped
)

// scanner reads JSON from a stream through one buffer. Its errors name the byte
// at which they were found.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int   // unread bytes are buf[pos:end]
	base     int64 // offset in the stream of buf[0]
	limit    int64 // bytes of the stream that may be read
	ended    error // why nothing more can be read
	scratch  []byte

	same     uint64 // the first eight digits of the last time of ten digits,
	sameTime int64  // and what they stand for in milliseconds
}

func newScanner(r io.Reader, limit int64) *scanner {
	return &scanner{r: r, buf: make([]byte, scanBuffer), limit: limit}
}

// fill reads more, keeping what is unread; it returns false where nothing came.
func (s *scanner) fill() bool {
	if s.ended != nil {
		return false
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.base, s.end, s.pos = s.base+int64(s.pos), s.end-s.pos, 0
	}
	if s.end == len(s.buf) {
		return false
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if s.base+int64(s.end) > s.limit {
			s.ended = fmt.Errorf("answer is over %d bytes: ask for fewer series or a shorter time", s.limit)
			return false
		}
		if err != nil {
			s.ended = err
		}
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.ended = io.ErrNoProgress
	return false
}

func (s *scanner) errorf(format string, args ...any) error {
	if s.pos >= s.end && s.ended != nil && !errors.Is(s.ended, io.EOF) {
		return fmt.Errorf("at byte %d: %w", s.base+int64(s.pos), s.ended)
	}
	return fmt.Errorf("at byte %d: %s", s.base+int64(s.pos), fmt.Sprintf(format, args...))
}

// peek returns the next byte that is not white space; ok is false at the end.
func (s *scanner) peek() (c byte, ok bool) {
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return c, true
			}
			s.pos++
		}
		if !s.fill() {
			return 0, false
		}
	}
}

func (s *scanner) expect(want byte) error {
	c, ok := s.peek()
	if !ok {
		return s.errorf("answer ends where %q should be", want)
	}
	if c != want {
		return s.errorf("%q found where %q should be", c, want)
	}
	s.pos++
	return nil
}

// more says whether another element follows in an array or object that ends
// with the byte given, and takes the comma or that end.
func (s *scanner) more(first bool, end byte) (bool, error) {
	c, ok := s.peek()
	switch {
	case !ok:
		return false, s.errorf("answer ends where %q should be", end)
	case c == end:
		s.pos++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		s.pos++
		if c, _ := s.peek(); c == end {
			return false, s.errorf("%q found after a comma", c)
		}
		return true, nil
	}
	return false, s.errorf("%q found where \",\" or %q should be", c, end)
}

// object visits the keys of an object; visit must take the value.
func (s *scanner) object(visit func(key []byte) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := s.more(first, '}'); err != nil || !more {
			return err
		}
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := visit(key); err != nil {
			return err
		}
	}
}

// array visits the elements of an array; visit must take each.
func (s *scanner) array(visit func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := s.more(first, ']'); err != nil || !more {
			return err
		}
		if err := visit(); err != nil {
			return err
		}
	}
}

// str takes a string and returns its text, valid until the next call. Bytes that
// are not UTF-8 become U+FFFD.
func (s *scanner) str() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	for i := s.pos; i < s.end; i++ { // the plain case: all in the buffer, no escapes, ASCII
		c := s.buf[i]
		if c == '"' {
			text := s.buf[s.pos:i]
			s.pos = i + 1
			return text, nil
		}
		if c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
	}
	return s.longString()
}

func (s *scanner) longString() ([]byte, error) {
	s.scratch = s.scratch[:0]
	plain := true
	for {
		if s.pos == s.end && !s.fill() {
			return nil, s.errorf("answer ends within a string")
		}
		c := s.buf[s.pos]
		switch {
		case c == '"':
			s.pos++
			if !plain && !utf8.Valid(s.scratch) {
				s.scratch = []byte(string([]rune(string(s.scratch))))
			}
			return s.scratch, nil
		case c == '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return nil, err
			}
			continue
		case c < ' ':
			return nil, s.errorf("control character %#02x within a string", c)
		case c >= utf8.RuneSelf:
			plain = false
		}
		if len(s.scratch) >= maxString {
			return nil, s.errorf("string over %d bytes", maxString)
		}
		s.scratch = append(s.scratch, c)
		s.pos++
	}
}

// escape takes what follows a backslash.
func (s *scanner) escape() error {
	if s.pos == s.end && !s.fill() {
		return s.errorf("answer ends within a string")
	}
	c := s.buf[s.pos]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		s.pos++
		return s.unicode()
	default:
		return s.errorf("unknown escape \\%c", c)
	}
	s.pos++
	s.scratch = append(s.scratch, c)
	return nil
}

// unicode takes four hexadecimal digits, and a second escape where the two are a
// surrogate pair; half a pair becomes U+FFFD.
func (s *scanner) unicode() error {
	r, err := s.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		for s.end-s.pos < 6 && s.fill() {
		}
		low := rune(utf8.RuneError)
		if s.end-s.pos >= 6 && s.buf[s.pos] == '\\' && s.buf[s.pos+1] == 'u' {
			if low = hex(s.buf[s.pos+2 : s.pos+6]); low < 0 {
				s.pos += 2
				_, err := s.hex4() // says what is wrong
				return err
			}
		}
		pair := utf16.DecodeRune(r, low)
		if pair != utf8.RuneError {
			s.pos += 6
		}
		r = pair
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return nil
}

func (s *scanner) hex4() (rune, error) {
	for s.end-s.pos < 4 && s.fill() {
	}
	if s.end-s.pos < 4 {
		return 0, s.errorf("answer ends within an escape")
	}
	r := hex(s.buf[s.pos : s.pos+4])
	if r < 0 {
		return 0, s.errorf("%q is not four hexadecimal digits", s.buf[s.pos:s.pos+4])
	}
	s.pos += 4
	return r, nil
}

// hex returns the value of hexadecimal digits, -1 where they are not.
func hex(digits []byte) (r rune) {
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
