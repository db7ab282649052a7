package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/store"
)

// TestCorrectionsOfAnObject: those of a node and of its GPUs are of one object;
// what holds, and what waits for its outcome, is found without reading the rest.
func TestCorrectionsOfAnObject(t *testing.T) {
	s := fresh(t)
	states := []forecaster.CorrectionState{forecaster.Observed, forecaster.Proposed, forecaster.Blocked, forecaster.Approved, forecaster.Applied,
		forecaster.Verified, forecaster.Failed, forecaster.Reverted, forecaster.Rejected, forecaster.Expired, forecaster.Unchanged}
	var all []forecaster.Correction
	for i, subject := range []collector.Subject{{Kind: "node", Name: "n1"}, {Kind: "gpu", Name: "n1:3"}, {Kind: "gpu", Name: "n10:3"}, {Kind: "workload", Namespace: "ml", Name: "n1"}} {
		for j, state := range states {
			c := cordon(fmt.Sprintf("c%d-%d", i, j), "")
			c.Subject, c.State, c.Proposed = subject, state, start.Add(time.Duration(len(all))*time.Second)
			if c.Undo, c.OutOfService = "undo", i == 0; j%2 == 0 {
				c.Outcome.At = start
			}
			entry, err := s.Record(t.Context(), "me", "x", c)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, entry.Correction)
		}
	}
	slices.Reverse(all) // newest first
	for name, c := range map[string]struct {
		query forecaster.CorrectionQuery
		of    func(forecaster.Correction) bool
		n     int
	}{
		"the node's and its GPUs'": {forecaster.CorrectionQuery{Object: "node/n1"}, func(c forecaster.Correction) bool { return forecaster.ObjectOf(c.Subject) == "node/n1" }, 22},
		"a workload's":             {forecaster.CorrectionQuery{Object: "workload/ml/n1"}, func(c forecaster.Correction) bool { return c.Subject.Kind == "workload" }, 11},
		"acted": {forecaster.CorrectionQuery{Acted: true, Object: "node/n1"}, func(c forecaster.Correction) bool {
			return forecaster.ObjectOf(c.Subject) == "node/n1" && slices.Contains([]forecaster.CorrectionState{forecaster.Approved, forecaster.Applied, forecaster.Verified, forecaster.Failed, forecaster.Reverted}, c.State)
		}, 10},
		"holding": {forecaster.CorrectionQuery{Holding: true}, forecaster.Correction.Holds, 9},
		"waiting": {forecaster.CorrectionQuery{Waiting: true}, forecaster.Correction.AwaitsOutcome, 12},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := s.Corrections(t.Context(), c.query)
			var want []string
			for _, one := range all {
				if c.of(one) {
					want = append(want, one.ID)
				}
			}
			var ids []string
			for _, one := range got {
				ids = append(ids, one.ID)
			}
			if err != nil || !slices.Equal(ids, want) || len(want) != c.n {
				t.Errorf("got %v, %v; want %d: %v", ids, err, c.n, want)
			}
		})
	}
}

// TestMigrationKeepsCorrections opens a store of the schema before corrections
// had versions: they are found by their object, hold what they held, are not
// judged, can go on, and their trail verifies.
func TestMigrationKeepsCorrections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "driftcast.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, store.Migrations(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	const body = `{"ID":"%s","Policy":"cordon","Target":"T","Subject":{"kind":"gpu","name":"n1:3"},"Risk":0.8,"Horizon":3600000000000,"State":"%s",` +
		`"Undo":"%s","Key":"","Proposed":"2026-03-01T12:00:00Z","Changed":"2026-03-01T12:05:00Z","ExpiresAt":"0001-01-01T00:00:00Z"}`
	for _, c := range [][3]string{{"held", "verified", "x"}, {"done", "verified", ""}, {"applied", "applied", "x"}, {"over", "reverted", "x"}} {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO corrections (id, key, state, policy, subject, proposed, body) VALUES (?,'',?,'cordon','gpu/n1:3',?,?)",
			c[0], c[1], start.UnixMilli(), fmt.Sprintf(body, c[0], c[1], c[2])); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if got, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{Object: "node/n1"}); len(got) != 4 || err != nil {
		t.Errorf("%d of the object, %v", len(got), err)
	}
	got, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{Holding: true})
	if err != nil || len(got) != 2 || got[0].ID != "held" || !got[0].OutOfService || got[1].ID != "applied" || !got[1].Applied.Equal(got[1].Changed) {
		t.Errorf("%+v, %v", got, err)
	}
	if waiting, _, err := s.Corrections(t.Context(), forecaster.CorrectionQuery{Waiting: true}); len(waiting) != 0 || err != nil {
		t.Errorf("%d wait for an outcome, %v", len(waiting), err)
	}
	held := got[0]
	held.State = forecaster.Reverted
	if _, err := s.Record(t.Context(), "bob", "revert", held); err != nil {
		t.Error(err)
	}
	if n, err := s.VerifyAudit(t.Context()); n != 1 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestObjectsAgree: what the migration makes of a subject's text is what ObjectOf
// makes of the subject.
func TestObjectsAgree(t *testing.T) {
	s := fresh(t)
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9.-]{1,12}(:[a-z0-9.-]{1,6}){0,2}`).Draw(r, "name")
		sub := collector.Subject{Kind: rapid.SampledFrom(collector.Kinds).Draw(r, "kind"), Name: name}
		got, err := s.QueryText(t.Context(), `SELECT CASE
			WHEN ?1 LIKE 'gpu/%:%' THEN 'node/' || substr(?1, 5, instr(?1, ':') - 5)
			WHEN ?1 LIKE 'gpu/%' THEN 'node/' || substr(?1, 5) ELSE ?1 END`, sub.String())
		if err != nil || got != forecaster.ObjectOf(sub) {
			r.Fatalf("%s: %q, %v; want %q", sub, got, err, forecaster.ObjectOf(sub))
		}
	})
}
