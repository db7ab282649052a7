package shift_test

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftcast/driftcast/models/shift"
)

// TestTrackersGoOnAfterARestart: a tracker that went through bytes between any
// two looks tells the same news, and knows the same, as one that lived on.
func TestTrackersGoOnAfterARestart(t *testing.T) {
	at := days + 4*hours
	var all []shift.Observed
	for i := range 3 {
		until := 0
		if i == 0 {
			until = at + 90 // one of them recovers
		}
		w := world{n: at + 4*hours, seed: uint64(i), shift: from(at, until, 1.8)}
		all = append(all, observed(fmt.Sprintf("chat-%c", 'a'+i), w.series()))
	}
	changes := []shift.Change{rollout("chat-a", at-2)}
	options := shift.DriftOptions{Baseline: day, Window: time.Hour}
	lived, restarted := &shift.Tracker{Target: "Latency"}, &shift.Tracker{Target: "Latency"}
	drift, again := &shift.DriftTracker{Target: "Latency", Options: options}, &shift.DriftTracker{Target: "Latency", Options: options}
	news := 0
	for end := at - 20; end <= at+4*hours; end += 20 {
		now := start.Add(time.Duration(end) * time.Minute)
		var seen []shift.Observed
		for _, o := range all {
			o.Series.Latency, o.Series.Load = o.Series.Latency[:end], o.Series.Load[:end]
			seen = append(seen, o)
		}
		restarted, again = through(t, restarted, &shift.Tracker{}), through(t, again, &shift.DriftTracker{})
		told, drifted := lived.Look(now, slices.Values(seen), changes), drift.Look(now, slices.Values(seen))
		news += len(told) + len(drifted)
		same(t, told, restarted.Look(now, slices.Values(seen), changes))
		same(t, drifted, again.Look(now, slices.Values(seen)))
		same(t, lived.Regressions(), restarted.Regressions())
		same(t, drift.Departures(), again.Departures())
	}
	if news < 3 {
		t.Errorf("got %d news, want regressions and departures, and one that went away", news)
	}
}

const day = 24 * time.Hour

func through[T interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}](t *testing.T, from, to T) T {
	t.Helper()
	b, err := from.MarshalBinary()
	if err := errors.Join(err, to.UnmarshalBinary(b)); err != nil {
		t.Fatal(err)
	}
	return to
}

func same[T any](t *testing.T, want, got []T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".members" }, cmp.Ignore())); diff != "" {
		t.Fatalf("after a restart (-want +got):\n%s", diff)
	}
}

// FuzzTrackers: bytes of anything are read, or refused as corrupt; what was read
// can be looked on with.
func FuzzTrackers(f *testing.F) {
	w := world{n: days + 4*hours, shift: from(days+2*hours, 0, 1.8)}
	seen := []shift.Observed{observed("chat", w.series())}
	now := start.Add(time.Duration(w.n) * time.Minute)
	tracker, drift := &shift.Tracker{Target: "Latency"}, &shift.DriftTracker{Options: shift.DriftOptions{Baseline: day, Window: time.Hour}}
	tracker.Look(now, slices.Values(seen), nil)
	drift.Look(now, slices.Values(seen))
	for _, m := range []encoding.BinaryMarshaler{tracker, drift} {
		b, err := m.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var tracker shift.Tracker
		var drift shift.DriftTracker
		for _, m := range []encoding.BinaryUnmarshaler{&tracker, &drift} {
			if err := m.UnmarshalBinary(b); err != nil && !errors.Is(err, shift.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		}
		if len(tracker.Regressions()) > 0 {
			tracker.Options = shift.Options{} // read from bytes, they are only compared with the target's
			tracker.Look(now, slices.Values(seen), nil)
		}
		drift.Options = shift.DriftOptions{}
		drift.Look(now, slices.Values(seen))
	})
}
