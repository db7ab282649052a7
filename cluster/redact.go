package cluster

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// Redactor puts salted digests in place of values that must not be kept: all of
// Secrets' data, the values of environment variables, values under keys that
// look like credentials, and credentials inside of texts. Equal values have
// equal digests under one salt, so that changes are still seen.
type Redactor struct {
	salt []byte
	text *regexp.Regexp
}

// credentialName matches the name of a credential inside of a text.
const credentialName = `(?i:[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization)[\w.-]*)`

// NewRedactor returns a Redactor. The salt must be kept, and kept private, where
// digests of before a restart are compared with those of after it.
func NewRedactor(salt []byte) *Redactor {
	return &Redactor{
		salt: append([]byte(nil), salt...),
		// A private key; user:password@ of an address; name=value and name: value
		// up to the end of the line; --name value.
		text: regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$))|` +
			`(://[^/\s:@]*:)([^/\s]+)(@)|` +
			`((?:` + credentialName + `["']?\s*[:=][ \t]*)|--?` + credentialName + `[ \t]+)` +
			`([|>][+-]?[ \t]*\n(?:[ \t]+[^\n]*\n?)+|"(?:\\.|[^"\\])*"|'[^']*'|[^\n\r]+)`),
	}
}

// Object returns the object with its values redacted: a copy as far as it
// differs. It may be a whole object or a part of one, such as declared fields.
func (r *Redactor) Object(object map[string]any) map[string]any {
	secret := object["kind"] == "Secret" && (object["apiVersion"] == "v1" || object["apiVersion"] == nil)
	out := make(map[string]any, len(object))
	for key, value := range object {
		switch {
		case secret && (key == "data" || key == "stringData"):
			out[key] = r.all(value)
		default:
			out[key] = r.value(key, value)
		}
	}
	return out
}

// Text redacts credentials inside of a text.
func (r *Redactor) Text(text string) string {
	if !suspicious(text) {
		return text
	}
	return r.text.ReplaceAllStringFunc(text, func(match string) string {
		part := r.text.FindStringSubmatch(match)
		switch {
		case part[1] != "":
			return r.digest(part[1])
		case part[2] != "" && !strings.HasPrefix(part[3], Redacted):
			return part[2] + r.digest(part[3]) + part[4]
		case part[5] != "" && !strings.HasPrefix(part[6], Redacted):
			return part[5] + r.digest(part[6])
		}
		return match // redacting twice changes nothing
	})
}

func (r *Redactor) value(key string, value any) any {
	if credential(key) {
		switch value.(type) {
		case string, int64, float64, map[string]any, []any:
			return r.all(value)
		}
	}
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = r.value(name, item)
		}
		return out
	case []any:
		if key == "env" {
			return r.environment(v)
		}
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = r.value("", item)
		}
		if key == "args" || key == "command" {
			r.flags(out)
		}
		return out
	case string:
		return r.Text(v)
	}
	return value
}

// environment redacts what variables are set to; where they come from stays.
func (r *Redactor) environment(list []any) []any {
	out := make([]any, len(list))
	for i, item := range list {
		variable, ok := item.(map[string]any)
		if !ok {
			out[i] = r.all(item)
			continue
		}
		kept := make(map[string]any, len(variable))
		for name, v := range variable {
			if name == "value" {
				v = r.all(v)
			} else if name != "name" {
				v = r.value(name, v)
			}
			kept[name] = v
		}
		out[i] = kept
	}
	return out
}

// flags redacts the argument behind --password.
func (r *Redactor) flags(args []any) {
	for i := 1; i < len(args); i++ {
		flag, ok := args[i-1].(string)
		if ok && strings.HasPrefix(flag, "-") && !strings.Contains(flag, "=") && credential(strings.TrimLeft(flag, "-")) {
			args[i] = r.all(args[i])
		}
	}
}

// all redacts every leaf but booleans and nulls.
func (r *Redactor) all(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = r.all(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = r.all(item)
		}
		return out
	case bool, nil:
		return v
	case string:
		if v == "" || strings.HasPrefix(v, Redacted) {
			return v // nothing to hide; redacting twice changes nothing
		}
		return r.digest(v)
	}
	return r.digest(fmt.Sprint(value))
}

func (r *Redactor) digest(value string) string {
	mac := hmac.New(sha256.New, r.salt)
	mac.Write([]byte(value))
	return Redacted + hex.EncodeToString(mac.Sum(nil)[:8])
}

// credential says whether what stands under a key looks like a credential, and
// not like the name of one or the way to one.
func credential(key string) bool {
	if strings.HasSuffix(key, ".key") || key == ".dockerconfigjson" || key == ".dockercfg" {
		return true
	}
	if !suspicious(key) || strings.Contains(key, "://") {
		return false
	}
	k := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(key))
	for _, reference := range []string{"name", "ref", "refs", "namespace", "path", "seconds", "audience", "audiences", "policy"} {
		if strings.HasSuffix(k, reference) {
			return false
		}
	}
	switch k { // Kubernetes' own, which hold names
	case "secret", "secrets", "imagepullsecrets", "automountserviceaccounttoken", "serviceaccounttoken", "tokenrequests":
		return false
	}
	return true
}

// suspicious is a quick look for the words of the expressions above.
func suspicious(text string) bool {
	if strings.Contains(text, "://") {
		return true
	}
	for i := 0; i < len(text); i++ {
		if word := hints(text[i]); word != nil {
			for _, w := range word {
				if len(text)-i >= len(w) && strings.EqualFold(text[i:i+len(w)], w) {
					return true
				}
			}
		}
	}
	return false
}

func hints(first byte) []string {
	switch first | 0x20 {
	case 'p':
		return []string{"password", "passwd", "passphrase", "private"}
	case 's':
		return []string{"secret"}
	case 't':
		return []string{"token"}
	case 'a':
		return []string{"apikey", "api-key", "api_key", "access-key", "access_key", "accesskey", "authorization"}
	case 'c':
		return []string{"credential"}
	}
	return nil
}
