package models_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestPrune removes what is old and neither serves nor may serve again, and
// what a process that was killed has left.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	r := openRegistry(t, dir)
	var ids []string
	for seed := range uint64(12) { // made at 0 s … 11 s
		ids = append(ids, put(t, r, "Latency", seed))
	}
	promote := func(i int) {
		t.Helper()
		if err := r.Promote("Latency", ids[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{1, 2, 3, 4, 5, 6} { // six champions: the first is one too many
		promote(i)
	}
	if err := r.StartShadow("Latency", ids[0], time.Unix(20, 0)); err != nil {
		t.Fatal(err)
	}
	other := put(t, r, "Power", 99)
	orphan, half := filepath.Join(dir, "objects", "0123.model"), filepath.Join(dir, "objects", ".new-7")
	young := filepath.Join(dir, "objects", ".new-8")
	for _, path := range []string{orphan, half, young} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{orphan, half} {
		if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	// Before 9 s there are 0 (shadow), 1 (too long ago), 2…6 (champions), 7 and 8 (never served); 11 is the challenger.
	removed, err := r.Prune(time.Unix(9, 0))
	if err != nil || removed != 3 {
		t.Errorf("got %d removed, %v, want 3", removed, err)
	}
	list, err := r.List("")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, m := range list {
		left = append(left, m.ID)
		if _, _, err := r.Load(m.ID); err != nil {
			t.Error(err)
		}
	}
	want := append(slices.Concat(ids[:1], ids[2:7], ids[9:]), other)
	slices.Sort(left)
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	for path, there := range map[string]bool{orphan: false, half: false, young: true} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("%s: there is %t, want %t", filepath.Base(path), err == nil, there)
		}
	}
	if removed, err = r.Prune(time.Unix(9, 0)); removed != 0 || err != nil {
		t.Errorf("again: got %d removed, %v", removed, err)
	}
	for _, want := range []string{ids[5], ids[4], ids[3], ids[2]} {
		if got, err := r.Rollback("Latency"); got != want || err != nil {
			t.Errorf("rolled back to %s, %v, want %s", got, err, want)
		}
	}
	if _, err := r.Rollback("Latency"); err == nil {
		t.Error("rolled back to a model that is gone")
	}
	if removed, err = r.Prune(time.Now()); removed != 7 || err != nil { // a champion and the two challengers stay
		t.Errorf("at last: got %d removed, %v, want 7", removed, err)
	}
}
