package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/store"
)

// TestTheTrailOfOneCorrection is what walking the whole trail would find of it,
// page by page, whatever else was recorded and whatever became of the file.
func TestTheTrailOfOneCorrection(t *testing.T) {
	s, ids := fresh(t), []string{"a", `it's "b"`, "%", ""}
	versions, want := map[string]int64{}, map[string][]int64{}
	for i := range 40 {
		id := ids[i*i%7%4] // in no even order
		if id == "" {
			if _, err := s.Note(t.Context(), "me", "kill", "a"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		c := cordon(id, "")
		c.Version = versions[id]
		entry, err := s.Record(t.Context(), "me", "propose", c)
		if err != nil {
			t.Fatal(err)
		}
		versions[id], want[id] = entry.Correction.Version, append(want[id], entry.Seq)
	}
	for _, id := range []string{"a", `it's "b"`, "%", "nobody"} {
		for limit := 1; limit < 5; limit++ {
			var got []int64
			for after := int64(0); ; after = got[len(got)-1] {
				page, err := s.AuditOf(t.Context(), id, after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					got = append(got, e.Seq)
				}
				if len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, want[id]) || (len(got) == 0) != (id == "nobody") {
				t.Errorf("%q in pages of %d: got rows %v, want %v", id, limit, got, want[id])
			}
		}
	}
}

// TestTheTrailOfOneCorrectionIsNotWalked: the query must stay the index's to the
// letter, or it silently reads all there is.
func TestTheTrailOfOneCorrectionIsNotWalked(t *testing.T) {
	plan, err := fresh(t).QueryPlan(t.Context(), store.AuditOfQuery, "c1", 0, 100)
	if err != nil || !strings.Contains(plan, "USING INDEX audit_correction") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("%v, %s", err, plan)
	}
}
