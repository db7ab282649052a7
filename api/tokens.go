package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Role is what a token allows.
type Role string

// The roles: RoleView reads, RoleEdit changes too.
const (
	RoleView Role = "view"
	RoleEdit Role = "edit"
)

// minToken is the shortest token taken: 16 characters cannot be guessed at the
// rate that is let through.
const minToken = 16

// Tokens are who may call, by the SHA-256 of the token; no token is kept.
type Tokens []Token

// Token is one line of a tokens file.
type Token struct {
	Name string
	Role Role
	hash [sha256.Size]byte
}

// ReadTokens reads a tokens file, which is YAML:
//
//	grafana: a-token-of-16-characters-or-more      # may read
//	alice: {token: another-long-token, role: edit}  # may change
//	ci: {token: "sha256:<64 hex digits>", role: view}  # only its hash is written down
//
// Errors name the line.
func ReadTokens(r io.Reader) (Tokens, error) {
	var root yaml.Node
	if err := yaml.NewDecoder(r).Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("tokens: want lines of `name: token`, or `name: {token: …, role: view|edit}`")
	}
	var tokens Tokens
	names, hashes := map[string]bool{}, map[[sha256.Size]byte]bool{}
	pairs := root.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		t, err := readToken(pairs[i], pairs[i+1])
		switch {
		case err != nil:
			return nil, fmt.Errorf("tokens: line %d: %w", pairs[i].Line, err)
		case names[t.Name]:
			return nil, fmt.Errorf("tokens: line %d: %q is there twice", pairs[i].Line, t.Name)
		case hashes[t.hash]:
			return nil, fmt.Errorf("tokens: line %d: %q has the token of another line", pairs[i].Line, t.Name)
		}
		names[t.Name], hashes[t.hash] = true, true
		tokens = append(tokens, t)
	}
	if len(tokens) == 0 {
		return nil, errors.New("tokens: the file names nobody")
	}
	return tokens, nil
}

func readToken(key, value *yaml.Node) (Token, error) {
	if key.Kind != yaml.ScalarNode || strings.TrimSpace(key.Value) == "" {
		return Token{}, errors.New("want a name before the colon")
	}
	t := Token{Name: key.Value, Role: RoleView}
	secret := ""
	switch value.Kind {
	case yaml.ScalarNode:
		secret = value.Value
	case yaml.MappingNode:
		for i := 0; i+1 < len(value.Content); i += 2 {
			field, v := value.Content[i], value.Content[i+1]
			if v.Kind != yaml.ScalarNode {
				return Token{}, fmt.Errorf("%s of %q: want text", field.Value, t.Name)
			}
			switch field.Value {
			case "token":
				secret = v.Value
			case "role":
				t.Role = Role(v.Value)
			default:
				return Token{}, fmt.Errorf("%q has an unknown field %q, want token and role", t.Name, field.Value)
			}
		}
	default:
		return Token{}, fmt.Errorf("%q: want a token, or {token: …, role: view|edit}", t.Name)
	}
	if t.Role != RoleView && t.Role != RoleEdit {
		return Token{}, fmt.Errorf("%q has the unknown role %q, want view or edit", t.Name, t.Role)
	}
	if digits, ok := strings.CutPrefix(secret, "sha256:"); ok {
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != sha256.Size {
			return Token{}, fmt.Errorf("the token of %q: want sha256: and 64 hex digits", t.Name)
		}
		t.hash = [sha256.Size]byte(raw)
		return t, nil
	}
	if len(secret) < minToken || strings.ContainsAny(secret, " \t\r\n") {
		return Token{}, fmt.Errorf("the token of %q: want %d characters or more, without spaces", t.Name, minToken)
	}
	t.hash = sha256.Sum256([]byte(secret))
	return t, nil
}

// Find returns whose token it is. It takes the same time for every token of
// the same length, right or wrong.
func (t Tokens) Find(secret string) (Token, bool) {
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range t {
		if subtle.ConstantTimeCompare(hash[:], t[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Token{}, false
	}
	return t[found], true
}
