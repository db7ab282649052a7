package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/driftcast/driftcast/forecaster"
)

// cursor is the place of the last item of a page in the order of its list: the
// next page begins right behind it, whatever came or went in between.
type cursor struct {
	Order  string  `json:"o"`
	Number float64 `json:"n,omitempty"`
	Key    int64   `json:"k,omitempty"`
	First  string  `json:"f,omitempty"`
	Second string  `json:"s,omitempty"`
}

func (c cursor) encode() string {
	text, _ := json.Marshal(c) // finite numbers and strings always marshal
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(text, order string) (cursor, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Order != order {
		return c, fmt.Errorf("cursor is not from a page of this list: %w", forecaster.ErrQuery)
	}
	return c, nil
}

// pageSize applies the default and the bounds of a Limit.
func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}
