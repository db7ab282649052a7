package boost

import "errors"

// ErrCorrupt says that bytes are not an ensemble, or not all of one: train again.
var ErrCorrupt = errors.New("boost: corrupt ensemble")

// AppendBinary appends the ensemble's bytes to b.
func (e *Ensemble) AppendBinary(b []byte) ([]byte, error) { return b, errors.ErrUnsupported }

// Unmarshal reads an ensemble that AppendBinary wrote. Anything else gives ErrCorrupt.
func Unmarshal([]byte) (*Ensemble, error) { return nil, ErrCorrupt }
