package api_test

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// TestOverTheRealStore walks the API over SQLite: pages meet without a gap,
// scores and runs come through, the audit trail verifies.
func TestOverTheRealStore(t *testing.T) {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "driftcast.db"), Now: func() time.Time { return origin }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var all []models.Forecast
	for i := range 25 {
		f := eventForecast()
		f.Subject = collector.Subject{Kind: "node", Name: fmt.Sprintf("gpu-%02d", i)}
		f.Risks = []models.Risk{{Horizon: time.Hour, Probability: float64(i%7) / 10}}
		all = append(all, f)
	}
	if err := db.PutForecasts(ctx, append(all, levelForecast())); err != nil {
		t.Fatal(err)
	}
	if err := db.PutRun(ctx, forecaster.Run{ID: "run-1", Target: latency.Name, State: forecaster.RunKept, Progress: 1, Started: origin}); err != nil {
		t.Fatal(err)
	}
	c := aCorrection()
	for _, action := range []string{"propose", "approve"} {
		entry, err := db.Record(ctx, "loop", action, c)
		if err != nil {
			t.Fatal(err)
		}
		c = entry.Correction
	}
	w := newWorld(t, func(o *api.Options) {
		o.Forecasts, o.Runs, o.Corrections, o.Audit = db, db, db, db
	})

	seen, last, cursor := map[string]bool{}, math.Inf(1), ""
	for page := 0; page == 0 || cursor != ""; page++ {
		path := "/forecasts?target=NodeNotReady&limit=7"
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		list := decode[gen.ForecastList](t, w.do("GET", path, ""))
		for _, item := range list.Items {
			if *item.Risk > last || seen[item.Subject.Id] {
				t.Errorf("%s with risk %v after %v, seen before: %v", item.Subject.Id, *item.Risk, last, seen[item.Subject.Id])
			}
			seen[item.Subject.Id], last = true, *item.Risk
		}
		if cursor = ""; list.NextCursor != nil {
			cursor = *list.NextCursor
		}
	}
	if len(seen) != 25 {
		t.Errorf("the pages hold %d subjects, want 25", len(seen))
	}
	if a := w.do("GET", "/forecasts?cursor=nonsense", ""); a.StatusCode != 400 {
		t.Errorf("a bad cursor got %d: %s", a.StatusCode, a.body)
	}
	if a := w.do("GET", "/corrections?cursor=nonsense", ""); a.StatusCode != 400 {
		t.Errorf("a bad cursor got %d: %s", a.StatusCode, a.body)
	}
	if f := decode[gen.Forecast](t, w.do("GET", chatPath, "")); len(f.Path.Times) != 60 || len(f.Past.Times) == 0 {
		t.Errorf("got %d times in the path, %d in the past", len(f.Path.Times), len(f.Past.Times))
	}
	if r := decode[gen.Run](t, w.do("GET", "/retrainings/run-1", "")); r.State != gen.RunStateKept {
		t.Errorf("got %+v", r)
	}
	for path, status := range map[string]int{
		"/forecasts/TimeToFirstToken/service%2Fa%2Fb": 404, "/retrainings/run-9": 404, "/corrections/c9": 404, "/corrections/c1": 200,
		"/scorecards": 200, "/retrainings": 200, "/corrections": 200,
	} {
		if a := w.do("GET", path, ""); a.StatusCode != status {
			t.Errorf("%s: got %d, want %d: %s", path, a.StatusCode, status, a.body)
		}
	}
	if list := decode[gen.AuditList](t, w.do("GET", "/audit?limit=1", "")); len(list.Items) != 1 || *list.NextAfter != list.Items[0].Seq {
		t.Errorf("got %+v", list)
	}
	for id, want := range map[string]int{c.ID: 2, "nobody": 0} {
		if list := decode[gen.AuditList](t, w.do("GET", "/audit?correction="+id, "")); len(list.Items) != want {
			t.Errorf("of %s: got %+v, want %d rows", id, list.Items, want)
		}
	}
	if v := decode[gen.AuditVerification](t, w.do("GET", "/audit/verify", "")); !v.Valid || v.Entries != 2 {
		t.Errorf("got %+v", v)
	}
}
