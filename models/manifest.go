package models

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/driftcast/driftcast/features"
)

// Manifest says where a registered model comes from.
type Manifest struct {
	ID      string             `json:"id"` // set by Put
	Target  string             `json:"target"`
	Model   string             `json:"model"` // its name
	Seed    uint64             `json:"seed"`
	Schema  string             `json:"schema,omitempty"` // Schema of the columns it was fitted on; empty: it uses none
	From    time.Time          `json:"from"`             // first and last origin it was fitted on
	Through time.Time          `json:"through"`
	Rows    int                `json:"rows"`
	Scores  map[string]float64 `json:"scores,omitempty"` // of its backtest, by name; Put leaves out what is not finite
	Created time.Time          `json:"created"`

	// Threshold is the risk from which warnings keep to the target's budget, on
	// the calibrated risks of the backtest; 0: it has no budget, or none was found.
	Threshold float64 `json:"threshold,omitempty"`
	// Population is what the features looked like in the window that it was
	// fitted on, column by column.
	Population []ColumnSummary `json:"population,omitempty"`

	Size int `json:"size"` // bytes of the model; set by Put
}

// Schema is a short hash of the columns of a frame, names and order. Models
// fitted on one schema cannot serve another.
func Schema(columns []features.Column) string {
	h := sha256.New()
	for _, c := range columns {
		_, _ = io.WriteString(h, c.Name) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
