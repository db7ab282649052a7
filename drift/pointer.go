package drift

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Pointer is a JSON pointer (RFC 6901) whose list items go by their key, as in
// /spec/template/spec/containers/name=c/env/name=HOST. In a pattern, a token may
// hold *, which stands for any text within that token. A pattern that ends above
// a path matches it: /spec/template matches everything in the template.
type Pointer []string

// ParsePointer reads a pointer.
func ParsePointer(text string) (Pointer, error) {
	if text == "" || text[0] != '/' {
		return nil, fmt.Errorf("pointer %q: want /field/field, such as /spec/replicas", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		if token == "" {
			return nil, fmt.Errorf("pointer %q: an empty field; write * for any", text)
		}
		plain, err := unescape(token)
		if err != nil {
			return nil, fmt.Errorf("pointer %q: %w", text, err)
		}
		tokens[i] = plain
	}
	return tokens, nil
}

// String writes the pointer.
func (p Pointer) String() string {
	var out strings.Builder
	for _, token := range p {
		out.WriteByte('/')
		out.WriteString(escape(token))
	}
	return out.String()
}

// Matches says whether the path is the pattern's, or beneath it.
func (p Pointer) Matches(path Pointer) bool {
	if len(path) < len(p) {
		return false
	}
	for i, pattern := range p {
		if !wildcard(pattern, path[i]) {
			return false
		}
	}
	return true
}

// child is a new pointer one token longer.
func (p Pointer) child(token string) Pointer { return append(slices.Clip(p), token) }

// under says whether the path begins with these tokens, literally.
func (p Pointer) under(tokens ...string) bool {
	return len(p) >= len(tokens) && slices.Equal(p[:len(tokens)], tokens)
}

func escape(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}

func unescape(token string) (string, error) {
	if !strings.Contains(token, "~") {
		return token, nil
	}
	for i := 0; i < len(token); i++ {
		if token[i] == '~' && (i+1 == len(token) || (token[i+1] != '0' && token[i+1] != '1')) {
			return "", errors.New("~ must be written ~0, and / within a field ~1")
		}
	}
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"), nil
}

// wildcard says whether text matches a pattern in which * stands for any text.
func wildcard(pattern, text string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for {
		part, more, found := strings.Cut(rest, "*")
		if !found {
			return strings.HasSuffix(text, rest)
		}
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text, rest = after, more
	}
}
