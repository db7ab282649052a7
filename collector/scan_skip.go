package collector

// number takes a JSON number and returns its text, valid until the next call.
func (s *scanner) number() ([]byte, error) {
	if _, ok := s.peek(); !ok {
		return nil, s.errorf("answer ends where a number should be")
	}
	s.scratch = s.scratch[:0]
	for {
		if s.pos == s.end && !s.fill() {
			break
		}
		c := s.buf[s.pos]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		if len(s.scratch) == 400 {
			return nil, s.errorf("number of over %d digits", len(s.scratch))
		}
		s.scratch = append(s.scratch, c)
		s.pos++
	}
	if !isNumber(s.scratch) {
		s.pos -= min(s.pos, len(s.scratch))
		return nil, s.errorf("%q is not a number", s.scratch)
	}
	return s.scratch, nil
}

// isNumber says whether the text is a number as JSON has it.
func isNumber(b []byte) bool {
	digits := func() int {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	zero := len(b) > 0 && b[0] == '0'
	if n := digits(); n == 0 || (zero && n > 1) {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if digits() == 0 {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return len(b) == 0
}

// skip takes a value of any kind.
func (s *scanner) skip(depth int) error {
	c, ok := s.peek()
	switch {
	case !ok:
		return s.errorf("answer ends where a value should be")
	case depth > maxDepth:
		return s.errorf("nested over %d deep", maxDepth)
	case c == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case c == '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case c == '"':
		_, err := s.str()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	_, err := s.number()
	return err
}

func (s *scanner) literal(word string) error {
	for s.end-s.pos < len(word) && s.fill() {
	}
	if s.end-s.pos < len(word) || string(s.buf[s.pos:s.pos+len(word)]) != word {
		return s.errorf("want %s", word)
	}
	s.pos += len(word)
	return nil
}

// null takes null where it is next.
func (s *scanner) null() (bool, error) {
	if c, _ := s.peek(); c != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}
