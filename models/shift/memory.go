package shift

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
)

// ErrCorrupt says that bytes are not those of a tracker.
var ErrCorrupt = errors.New("corrupt tracker")

// rememberedRegressions is a Tracker in bytes.
type rememberedRegressions struct {
	Target      string
	Options     Options
	Regressions []Regression
	Members     [][]member // of each
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (t *Tracker) MarshalBinary() ([]byte, error) {
	m := rememberedRegressions{Target: t.Target, Options: t.Options}
	for _, r := range t.regressions {
		m.Regressions, m.Members = append(m.Regressions, r.copy()), append(m.Members, r.members)
	}
	return pack(m)
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. Where it fails nothing
// is remembered; the error wraps ErrCorrupt.
func (t *Tracker) UnmarshalBinary(b []byte) error {
	*t = Tracker{}
	var m rememberedRegressions
	if err := unpack(b, &m); err != nil {
		return err
	}
	if len(m.Members) != len(m.Regressions) {
		return fmt.Errorf("%w: the members of %d regressions, want those of %d", ErrCorrupt, len(m.Members), len(m.Regressions))
	}
	known := Tracker{Target: m.Target, Options: m.Options}
	for i := range m.Regressions {
		r := &m.Regressions[i]
		if r.members = m.Members[i]; len(r.members) == 0 {
			return fmt.Errorf("%w: %s has no members", ErrCorrupt, r.ID)
		}
		known.regressions = append(known.regressions, r)
	}
	*t = known
	return nil
}

// rememberedDepartures is a DriftTracker in bytes.
type rememberedDepartures struct {
	Target     string
	Options    DriftOptions
	Departures []Departure
	Calm       []int // looks in a row without drift, of each
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (t *DriftTracker) MarshalBinary() ([]byte, error) {
	m := rememberedDepartures{Target: t.Target, Options: t.Options}
	for _, d := range t.departures {
		m.Departures, m.Calm = append(m.Departures, *d), append(m.Calm, t.calm[d])
	}
	return pack(m)
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. Where it fails nothing
// is remembered; the error wraps ErrCorrupt.
func (t *DriftTracker) UnmarshalBinary(b []byte) error {
	*t = DriftTracker{}
	var m rememberedDepartures
	if err := unpack(b, &m); err != nil {
		return err
	}
	if len(m.Calm) != len(m.Departures) {
		return fmt.Errorf("%w: %d counts of %d departures", ErrCorrupt, len(m.Calm), len(m.Departures))
	}
	*t = DriftTracker{Target: m.Target, Options: m.Options, calm: map[*Departure]int{}}
	for i := range m.Departures {
		d := &m.Departures[i]
		t.departures = append(t.departures, d)
		if d.State != Gone {
			t.calm[d] = m.Calm[i]
		}
	}
	return nil
}

// pack writes gob: numbers may be NaN here, which JSON does not know.
func pack(v any) ([]byte, error) {
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(v); err != nil {
		return nil, fmt.Errorf("tracker: %w", err)
	}
	return out.Bytes(), nil
}

func unpack(b []byte, v any) error {
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}
