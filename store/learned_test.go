package store_test

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestLearnedComesBack(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "driftcast.db"))
	if got, err := s.Learned(t.Context(), "Latency", "regressions"); got != nil || err != nil {
		t.Errorf("got %q, %v before anything was put", got, err)
	}
	for _, want := range [][]byte{{1, 0, 2}, {3}} {
		if err := s.PutLearned(t.Context(), "Latency", "regressions", want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Learned(t.Context(), "Latency", "regressions"); !bytes.Equal(got, want) || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	if got, err := s.Learned(t.Context(), "Latency", "online intervals"); got != nil || err != nil {
		t.Errorf("got %q, %v of something else", got, err)
	}
}
