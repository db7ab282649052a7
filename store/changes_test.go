package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/forecaster"
)

func change(i int, name string) cluster.Change {
	ref := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "shop", Name: name}
	return cluster.Change{
		ID: fmt.Sprintf("id%03d", i), At: start.Add(time.Duration(i/2) * time.Minute), Kind: cluster.Updated, Object: ref, UID: "u",
		Subject: ref.Subject(), Path: "/spec/replicas", Before: "1", After: fmt.Sprint(i), Manager: "kubectl", Verb: "Update",
	}
}

func TestChangesAreListedNewestFirstPageByPage(t *testing.T) {
	s := fresh(t)
	var all []cluster.Change
	for i := range 25 {
		all = append(all, change(i, []string{"web", "api"}[i%2]))
	}
	for range 2 { // seen twice
		if err := s.PutChanges(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	var got []cluster.Change
	q := cluster.ChangeQuery{Limit: 4}
	for {
		page, next, err := s.Changes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if next == "" {
			break
		}
		q.Cursor = next
	}
	if len(got) != len(all) {
		t.Fatalf("got %d changes over all pages, want %d", len(got), len(all))
	}
	for i := range got {
		if want := all[len(all)-1-i]; !cmp.Equal(got[i], want) {
			t.Errorf("change %d: %s", i, cmp.Diff(want, got[i]))
		}
	}
	for name, c := range map[string]struct {
		q    cluster.ChangeQuery
		want int
	}{
		"by subject":    {cluster.ChangeQuery{Subject: "workload/shop/web"}, 13},
		"by object":     {cluster.ChangeQuery{Object: "Deployment/shop/api"}, 12},
		"by namespace":  {cluster.ChangeQuery{Namespace: "other"}, 0},
		"by kind":       {cluster.ChangeQuery{Kind: cluster.Deleted}, 0},
		"by manager":    {cluster.ChangeQuery{Manager: "kubectl"}, 25},
		"by time":       {cluster.ChangeQuery{From: start.Add(time.Minute), To: start.Add(3 * time.Minute)}, 4},
		"all of it two": {cluster.ChangeQuery{Subject: "workload/shop/web", Manager: "kubectl", From: start.Add(12 * time.Minute)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := s.Changes(t.Context(), c.q)
			if err != nil || len(got) != c.want {
				t.Errorf("got %d changes, %v, want %d", len(got), err, c.want)
			}
		})
	}
	if _, _, err := s.Changes(t.Context(), cluster.ChangeQuery{Cursor: "x"}); !errors.Is(err, forecaster.ErrQuery) {
		t.Errorf("a bad cursor: got %v", err)
	}
	if err := s.Prune(t.Context(), start.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Changes(t.Context(), cluster.ChangeQuery{}); err != nil || len(got) != 5 {
		t.Errorf("after pruning: got %d, %v, want 5", len(got), err)
	}
}

func TestWhatWasSeenIsRemembered(t *testing.T) {
	s := fresh(t)
	node := cluster.Seen{Object: cluster.Ref{Version: "v1", Kind: "Node", Name: "n1"}, UID: "a", At: start, Body: []byte(`{"a":1}`), Versions: map[string]string{"driver": "1"}}
	web := cluster.Seen{Object: change(0, "web").Object, UID: "b", At: start, Body: []byte(`{}`)}
	newer := web
	newer.Object.Version, newer.Body = "v2", []byte(`{"b":2}`)
	for _, batch := range [][]cluster.Seen{{node, web}, {newer}, {{Object: node.Object, Gone: true}}} {
		if err := s.Remember(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	var got []cluster.Seen
	for seen, err := range s.Recall(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seen)
	}
	if want := []cluster.Seen{newer}; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func BenchmarkPutChanges(b *testing.B) {
	s := fresh(b)
	n := 0
	for b.Loop() {
		batch := make([]cluster.Change, 500)
		for i := range batch {
			batch[i] = change(n, "web")
			batch[i].ID = fmt.Sprint(n)
			n++
		}
		if err := s.PutChanges(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}
