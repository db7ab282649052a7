//go:build e2e

package e2e_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/store"
)

// wrongClock is a clock that goes as the real one does, and is wrong by as much
// as a test sets. What it tells can only be compared as a wall clock can.
type wrongClock struct{ by atomic.Int64 }

func (k *wrongClock) now() time.Time          { return time.Now().Round(0).Add(time.Duration(k.by.Load())) }
func (k *wrongClock) wrong(by time.Duration)  { k.by.Store(int64(by)) }
func (k *wrongClock) ahead(at time.Time) bool { return at.After(k.now().Add(2 * time.Second)) } // as the observer tolerates
func (k *wrongClock) String() string          { return "wrong by " + time.Duration(k.by.Load()).String() }

// TestObserverOnAClockThatJumps: whatever our clock says, all that changes is told
// once, as of no later than now, and no age is negative.
func TestObserverOnAClockThatJumps(t *testing.T) {
	p, clock := controlPlane(t), &wrongClock{}
	ns := p.Namespace(t)
	p.Kubectl(t, "-n", ns, "create", "configmap", "cm", "--from-literal=a=0")
	w := observeAt(t, clock.now, p.Kubeconfig(), filepath.Join(t.TempDir(), "driftcast.db"), cluster.Config{})
	w.ready(t)
	told := map[string]bool{}
	for i, by := range []time.Duration{backHours, days, -days, backHours, 0} {
		clock.wrong(by)
		p.Kubectl(t, "-n", ns, "patch", "configmap", "cm", "-p", fmt.Sprintf(`{"data":{"a":"%d"}}`, i+1), "--field-manager=stranger")
		p.Kubectl(t, "-n", ns, "create", "configmap", fmt.Sprint("new-", i))
		w.told(t, ns, fmt.Sprintf(`updated ConfigMap/%s/cm /data/a "%d" → "%d" (stranger)`, ns, i, i+1), fmt.Sprintf("created ConfigMap/%s/new-%d   →  ()", ns, i))
		changes, _, err := w.store.Changes(t.Context(), cluster.ChangeQuery{Namespace: ns, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if !told[c.ID] && clock.ahead(c.At) {
				t.Errorf("%s: %s of %s is told as of %s, it is %s", clock, c.Path, c.Object, c.At, clock.now())
			}
			told[c.ID] = true
		}
		sample, err := w.Sample(t.Context(), clock.now())
		if err != nil {
			t.Fatal(err)
		}
		for name, series := range sample {
			for _, s := range series {
				if strings.HasSuffix(name, "_age_seconds") && s.Values[0] < 0 {
					t.Errorf("%s: %s%v is %g", clock, name, s.Labels, s.Values[0])
				}
			}
		}
	}
}

// TestDriftOnAClockThatJumps: an onset is no later than the look that found it,
// though the API server says so; one drift stays one, and no age and no time to
// repair is negative.
func TestDriftOnAClockThatJumps(t *testing.T) {
	c, clock := controlPlane(t), &wrongClock{}
	ns := c.Namespace(t)
	apply := func() { c.Apply(t, fmt.Sprintf(driftedDeployment, "replicas: 2", "web:1"), "-n", ns) }
	apply()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "driftcast.db"), Logger: slog.New(slog.DiscardHandler), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	seat := newDriftSeat(t, c, "", nil)
	if seat.detector, err = drift.New(drift.Options{Objects: seat, Config: drift.DefaultConfig(), Memory: db, Baselines: db, Now: clock.now}); err != nil {
		t.Fatal(err)
	}
	finding := func() drift.Finding {
		t.Helper()
		for _, f := range seat.look(ns).Findings {
			if f.Object.Namespace == ns && f.Object.Name == "web" {
				return f
			}
		}
		t.Fatal("nothing is said of it")
		return drift.Finding{}
	}
	clock.wrong(backHours)
	if f := finding(); f.Verdict != drift.Synced {
		t.Fatalf("fresh, and yet %+v", f)
	}
	c.Kubectl(t, "-n", ns, "set", "image", "deploy/web", "c=web:2")
	first := finding()
	if first.Verdict != drift.Drifted || first.Since.After(first.ComparedAt) {
		t.Fatalf("since %s, compared %s: %+v", first.Since, first.ComparedAt, first)
	}
	ages := func() {
		t.Helper()
		for name, series := range seat.detector.Sample(clock.now()) {
			for _, s := range series {
				if (strings.HasSuffix(name, "_age_seconds") || strings.HasSuffix(name, "_repair_seconds")) && s.Values[0] < 0 {
					t.Errorf("%s: %s%v is %g", clock, name, s.Labels, s.Values[0])
				}
			}
		}
	}
	for _, by := range []time.Duration{days, -days, 0, 2 * backHours} {
		clock.wrong(by)
		if f := finding(); f.Verdict != drift.Drifted || !f.Since.Equal(first.Since) || f.Recurrences != 1 {
			t.Errorf("%s: %s since %s, %d times; want once since %s", clock, f.Verdict, f.Since, f.Recurrences, first.Since)
		}
		ages()
	}
	apply()
	if f := finding(); f.Verdict != drift.Synced {
		t.Errorf("repaired, and yet %+v", f)
	}
	ages()
	web := first.Object
	episodes, err := db.Episodes(t.Context(), drift.EpisodeQuery{Object: &web})
	if err != nil || len(episodes) != 1 {
		t.Fatalf("%d episodes, %v", len(episodes), err)
	}
	if e := episodes[0]; e.Open() || e.Until.Before(e.Since) {
		t.Errorf("since %s, until %s", e.Since, e.Until)
	}
}
