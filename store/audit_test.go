package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

func cordon(id, key string) forecaster.Correction {
	return forecaster.Correction{ID: id, Policy: "cordon", Actuator: "cordon", Mode: "recommend", Target: "NodeNotReady",
		Subject: collector.Subject{Kind: "node", Name: "gpu-17"}, Risk: 0.8, Horizon: time.Hour, State: forecaster.Proposed,
		Reason: "risk", Plan: "cordon gpu-17", Key: key, Actor: "driftcast", Proposed: start, Changed: start}
}

func TestRecordKeepsTheCorrectionAndItsAudit(t *testing.T) {
	s := fresh(t)
	c := cordon("c1", "k1")
	first, err := s.Record(t.Context(), "driftcast", "propose", c)
	if err != nil {
		t.Fatal(err)
	}
	c = first.Correction
	c.State, c.Actor = forecaster.Approved, "alice"
	second, err := s.Record(t.Context(), "alice", "approve", c)
	if err != nil {
		t.Fatal(err)
	}
	if first.Seq != 1 || first.Previous != "" || second.Seq != 2 || second.Previous != first.Hash || len(second.Hash) != 64 {
		t.Errorf("got %+v and %+v, want a chain", first, second)
	}
	got, err := s.Correction(t.Context(), "c1")
	c.Version = 2
	if diff := cmp.Diff(c, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	trail, err := s.Audit(t.Context(), 0, 10)
	if diff := cmp.Diff([]forecaster.AuditEntry{first, second}, trail); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if trail, err = s.Audit(t.Context(), 1, 10); err != nil || len(trail) != 1 || trail[0].Seq != 2 {
		t.Errorf("got %+v, %v; want what comes after row 1", trail, err)
	}
	if _, err := s.Correction(t.Context(), "c2"); !errors.Is(err, forecaster.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestRecordTakesAKeyOnce(t *testing.T) {
	s := fresh(t)
	for i, c := range []struct {
		id, key string
		version int64
		want    error
	}{{"c1", "k1", 0, nil}, {"c2", "k1", 0, forecaster.ErrConflict}, {"c1", "k1", 1, nil}, {"c3", "", 0, nil}, {"c4", "", 0, nil}, {"c3", "k1", 1, forecaster.ErrConflict}} {
		one := cordon(c.id, c.key)
		one.Version = c.version
		if _, err := s.Record(t.Context(), "me", "propose", one); !errors.Is(err, c.want) {
			t.Errorf("%d: %s with key %q: got %v, want %v", i, c.id, c.key, err, c.want)
		}
	}
	if n, err := s.VerifyAudit(t.Context()); n != 4 || err != nil {
		t.Errorf("got %d rows, %v; want 4: what is refused leaves no row", n, err)
	}
}

func TestCorrectionsSelect(t *testing.T) {
	s := fresh(t)
	for i := range 7 {
		c := cordon(fmt.Sprintf("c%d", i), "")
		c.Proposed = start.Add(time.Duration(i/2) * time.Minute) // two at a time
		if i == 3 {
			c.State, c.Policy, c.Subject.Name = forecaster.Rejected, "taint", "gpu-18"
		}
		if _, err := s.Record(t.Context(), "me", "propose", c); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		query forecaster.CorrectionQuery
		want  []string
	}{
		"all, newest first": {forecaster.CorrectionQuery{}, []string{"c6", "c5", "c4", "c3", "c2", "c1", "c0"}},
		"a state":           {forecaster.CorrectionQuery{State: forecaster.Rejected}, []string{"c3"}},
		"a policy":          {forecaster.CorrectionQuery{Policy: "cordon", State: forecaster.Proposed}, []string{"c6", "c5", "c4", "c2", "c1", "c0"}},
		"a subject":         {forecaster.CorrectionQuery{Subject: "node/gpu-18"}, []string{"c3"}},
	} {
		t.Run(name, func(t *testing.T) {
			for limit := range 4 {
				var got []string
				query := c.query
				query.Limit = limit
				for {
					page, next, err := s.Corrections(t.Context(), query)
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range page {
						got = append(got, c.ID)
					}
					if query.Cursor = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("pages of %d: got %v, want %v", limit, got, c.want)
				}
			}
		})
	}
	if _, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{Cursor: "!"}); !errors.Is(err, forecaster.ErrQuery) {
		t.Errorf("got %v, want ErrQuery", err)
	}
}

func TestVerifyAuditNamesTheFirstBrokenRow(t *testing.T) {
	const unlock = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;"
	for name, c := range map[string]struct{ damage, want string }{
		"a word was changed":          {"UPDATE audit SET body = replace(body, 'alice', 'mallory') WHERE seq = 3", "row 3 was changed"},
		"a body is no JSON":           {"UPDATE audit SET body = 'x' WHERE seq = 3", "row 3 was changed"},
		"a row was rehashed":          {"UPDATE audit SET hash = 'ff' WHERE seq = 3", "row 3 was changed"},
		"a row was taken out":         {"DELETE FROM audit WHERE seq = 3", "row 3 is missing"},
		"the first row was taken out": {"DELETE FROM audit WHERE seq = 1", "row 1 is missing"},
		"the tail was cut":            {"DELETE FROM audit WHERE seq > 3", "row 4 is missing"},
		"rows were renumbered":        {"DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", "row 3 was changed"},
		"a link was changed":          {"UPDATE audit SET previous = 'ff' WHERE seq = 3", "row 3 does not follow from row 2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			for i := range 5 {
				if _, err := s.Record(t.Context(), "alice", "approve", cordon(fmt.Sprint(i), "")); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := s.VerifyAudit(t.Context()); n != 5 || err != nil {
				t.Fatalf("got %d rows, %v before the damage", n, err)
			}
			if err := s.Exec(t.Context(), unlock+c.damage); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyAudit(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	s := fresh(t)
	if _, err := s.Record(t.Context(), "me", "propose", cordon("c", "")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"UPDATE audit SET body = ''", "DELETE FROM audit"} {
		if err := s.Exec(t.Context(), text); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestAnyHistoryVerifies records at random, over reopenings, and expects the
// last word on every correction and a chain that holds.
func TestAnyHistoryVerifies(t *testing.T) {
	run := 0
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run), "driftcast.db")
		s := open(t, path)
		want, rows := map[string]forecaster.Correction{}, int64(0)
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			if rapid.IntRange(0, 19).Draw(r, "reopen") == 0 {
				s = open(t, path)
			}
			c := cordon(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "id"), rapid.SampledFrom([]string{"", "k", "l"}).Draw(r, "key"))
			c.Reason = rapid.String().Draw(r, "reason")
			c.Version = rapid.Int64Range(0, 3).Draw(r, "version")
			entry, err := s.Record(t.Context(), "me", "propose", c)
			taken := c.Version != want[c.ID].Version
			for id, other := range want {
				taken = taken || id != c.ID && c.Key != "" && other.Key == c.Key
			}
			switch {
			case taken != errors.Is(err, forecaster.ErrConflict):
				r.Fatalf("got %v, the key is taken or the version old: %v", err, taken)
			case !taken && err != nil:
				r.Fatal(err)
			case !taken:
				want[c.ID], rows = entry.Correction, rows+1
			}
		}
		for id, c := range want {
			got, err := s.Correction(t.Context(), id)
			if err != nil || got.Key != c.Key || got.Version != c.Version || got.Reason != c.Reason && utf8.ValidString(c.Reason) {
				r.Fatalf("got %+v, %v; want %+v", got, err, c)
			}
		}
		if n, err := s.VerifyAudit(t.Context()); n != rows || err != nil {
			r.Fatalf("got %d rows, %v; want %d", n, err, rows)
		}
	})
}

func TestWritersOfTwoStoresMakeOneChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "driftcast.db")
	stores := []*store.Store{open(t, path), open(t, path)} // as two processes would
	errs := make(chan error)
	for i, s := range stores {
		go func() {
			for n := range 50 {
				if _, err := s.Record(t.Context(), "me", "propose", cordon(fmt.Sprint(i, n), "")); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range stores {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n, err := stores[0].VerifyAudit(t.Context()); n != 100 || err != nil {
		t.Errorf("got %d rows, %v; want 100", n, err)
	}
}

// TestRecordRefusesWhatMovedOn is two replicas that read the same correction.
func TestRecordRefusesWhatMovedOn(t *testing.T) {
	s := fresh(t)
	entry, err := s.Record(t.Context(), "a", "propose", cordon("c1", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	won, lost := entry.Correction, entry.Correction
	won.State, lost.State = forecaster.Approved, forecaster.Rejected
	if _, err := s.Record(t.Context(), "a", "approve", won); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), "b", "reject", lost); !errors.Is(err, forecaster.ErrConflict) {
		t.Errorf("the second of two: %v, want ErrConflict", err)
	}
	if _, err := s.Record(t.Context(), "b", "propose", cordon("c1", "k1")); !errors.Is(err, forecaster.ErrConflict) {
		t.Errorf("one that is new and is not: %v, want ErrConflict", err)
	}
	got, err := s.Correction(t.Context(), "c1")
	if n, _ := s.VerifyAudit(t.Context()); err != nil || got.State != forecaster.Approved || n != 2 {
		t.Errorf("%s after %d rows, %v; want what came first, and no row of what did not", got.State, n, err)
	}
}

func TestTheTrailKeepsWhatBelongsToNoCorrection(t *testing.T) {
	s := fresh(t)
	if _, err := s.Record(t.Context(), "a", "propose", cordon("c1", "k1")); err != nil {
		t.Fatal(err)
	}
	entry, err := s.Note(t.Context(), "bob", "kill", "incident 7")
	if err != nil || entry.Seq != 2 || entry.Correction.Reason != "incident 7" || entry.Correction.ID != "" {
		t.Errorf("%+v, %v", entry, err)
	}
	trail, err := s.Audit(t.Context(), 1, 10)
	if diff := cmp.Diff([]forecaster.AuditEntry{entry}, trail); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if n, err := s.VerifyAudit(t.Context()); n != 2 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if list, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{}); len(list) != 1 || err != nil {
		t.Errorf("%d corrections, %v: a note is none", len(list), err)
	}
}
