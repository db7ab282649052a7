package boost_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, d, rows := drawnFit(t, 3)
		b, err := e.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := boost.Unmarshal(b[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]float64, rows*e.Outputs()), make([]float64, rows*e.Outputs())
		e.AddRows(d.X, rows, want)
		again.AddRows(d.X, rows, got)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		phi := make([]float64, 3)
		near(t, "expected", again.Explain(d.X[:3], 0, phi), e.Explain(d.X[:3], 0, phi))
		if !slices.Equal(again.Importance(), e.Importance()) {
			t.Errorf("importance %v, want %v", again.Importance(), e.Importance())
		}
	})
}

// TestUnmarshalRefuses cuts bytes at every place and flips every bit.
func TestUnmarshalRefuses(t *testing.T) {
	b := seedBytes(t)
	for n := range b {
		if _, err := boost.Unmarshal(b[:n]); !errors.Is(err, boost.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for i := range 8 * len(b) {
		c := bytes.Clone(b)
		c[i/8] ^= 1 << (i % 8)
		if _, err := boost.Unmarshal(c); !errors.Is(err, boost.ErrCorrupt) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
}

// FuzzUnmarshal mends the checksum, so that what lies behind it is reached.
// What is accepted must be usable and come back as the same bytes.
func FuzzUnmarshal(f *testing.F) {
	f.Add(seedBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 {
			b = bytes.Clone(b)
			binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
		}
		e, err := boost.Unmarshal(b)
		if err != nil {
			if !errors.Is(err, boost.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		x, out, phi := make([]float64, e.Columns()), make([]float64, e.Outputs()), make([]float64, e.Columns())
		for j := range x {
			x[j] = []float64{0, math.NaN(), 1e9, -1e9}[j%4]
		}
		e.Add(x, out)
		e.Explain(x, 0, phi)
		again, err := e.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("other bytes come back (%v)", err)
		}
	})
}

func seedBytes(t testing.TB) []byte {
	d, y, _ := shape(60, 5, 1)
	e, err := boost.FitQuantiles(context.Background(), d, y, nil, nil, []float64{0.1, 0.9}, boost.Options{Trees: 3, Leaves: 5, MinLeaf: 5})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
