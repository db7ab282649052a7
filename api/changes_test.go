package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
)

// fakeChanges answers every question with one change of what was asked for, and
// keeps the questions.
type fakeChanges struct{ asked []cluster.ChangeQuery }

func (f *fakeChanges) Changes(_ context.Context, q cluster.ChangeQuery) ([]cluster.Change, string, error) {
	f.asked = append(f.asked, q)
	sub, err := collector.ParseSubject(q.Subject)
	if err != nil {
		sub = shop.Subject()
	}
	return []cluster.Change{{ID: "x1", At: origin.Add(-time.Hour), Kind: cluster.Updated, Object: shop, Subject: sub, Path: "/spec/replicas",
		Before: "2", After: "3", Manager: "kubectl-edit", Verb: "Update"}}, "more", nil
}

type fakeBaselines struct{}

func (fakeBaselines) Baselines() []api.Baseline {
	return []api.Baseline{{Name: "main", Source: "git", Location: "https://git.example/shop", Revision: "4f2c1e", Objects: 12, Checked: origin,
		Err: errors.New("fetch: connection refused (check the network, or the URL)")}}
}

func TestChangesAreAskedForAsTheClientDid(t *testing.T) {
	changes := &fakeChanges{}
	w := newWorld(t, func(o *api.Options) { o.Changes = changes })
	w.do("GET", "/changes?subject=workload/web/shop&object=Deployment/web/shop&namespace=web&kind=rollout&manager=helm&from=1000&to=2000&cursor=c&limit=7", "")
	want := cluster.ChangeQuery{Subject: "workload/web/shop", Object: "Deployment/web/shop", Namespace: "web", Kind: cluster.Rollout, Manager: "helm",
		From: time.Unix(1000, 0), To: time.Unix(2000, 0), Cursor: "c", Limit: 7}
	if len(changes.asked) != 1 || changes.asked[0] != want {
		t.Errorf("got %+v, want %+v", changes.asked, want)
	}
}

// TestForecastsComeWithChanges: of the workload beneath the service, within the
// past that is shown and not after the origin.
func TestForecastsComeWithChanges(t *testing.T) {
	changes := &fakeChanges{}
	w := newWorld(t, func(o *api.Options) { o.Changes = changes })
	a := w.do("GET", "/forecasts/TimeToFirstToken/service%2Fserving%2Fchat?from=2026-11-23T01:00:00Z", "")
	got := decode[struct {
		Changes []struct{ Path, Before, After, Manager string }
	}](t, a)
	if len(got.Changes) != 1 || got.Changes[0].After != "3" || got.Changes[0].Manager != "kubectl-edit" {
		t.Errorf("got %+v", got)
	}
	q := changes.asked[0]
	if from := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC); q.Subject != "workload/serving/chat" || !q.From.Equal(from) || !q.To.After(origin) || q.To.After(origin.Add(time.Second)) {
		t.Errorf("asked for %+v", q)
	}
}
