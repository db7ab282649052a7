package api_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/drift"
)

// fakeEpisodes keeps what the query's To and Limit ask for, as the store does:
// in milliseconds, newest onset first.
func fakeEpisodes(all ...drift.Episode) episodesFunc {
	return func(q drift.EpisodeQuery) (page []drift.Episode) {
		for _, e := range all {
			if q.To.IsZero() || e.Since.UnixMilli() < q.To.UnixMilli() {
				page = append(page, e)
			}
		}
		slices.SortStableFunc(page, func(a, b drift.Episode) int { return b.Since.Compare(a.Since) })
		return page[:min(len(page), q.Limit)]
	}
}

type episodesFunc func(drift.EpisodeQuery) []drift.Episode

func (f episodesFunc) Episodes(_ context.Context, q drift.EpisodeQuery) ([]drift.Episode, error) {
	return f(q), nil
}

func anEpisode() drift.Episode {
	return drift.Episode{Object: shop, Subject: shop.Subject(), Path: "/spec/replicas", Kind: drift.Replicas, Manager: "kubectl-scale", Source: "git",
		Revision: "4f2c1e", Declared: "2", Live: "5", Since: origin.Add(-2 * time.Hour), Until: origin, RepairedBy: "driftcast"}
}

func TestEpisodesAreAskedForAsTheClientDid(t *testing.T) {
	var asked drift.EpisodeQuery
	w := newWorld(t, func(o *api.Options) {
		o.Episodes = episodesFunc(func(q drift.EpisodeQuery) []drift.Episode { asked = q; return nil })
	})
	w.do("GET", "/drift/episodes?subject=workload/web/shop&kind=image&open=true&from=1000&to=2000&limit=5", "")
	if asked.Subject == nil || asked.Subject.String() != "workload/web/shop" || asked.Kind != drift.Image || !asked.Open ||
		!asked.From.Equal(time.Unix(1000, 0)) || !asked.To.Equal(time.Unix(2000, 0)) || asked.Limit < 5 {
		t.Errorf("got %+v", asked)
	}
}

// TestEpisodePagesMeet: many begin in the same millisecond, and none is lost or
// told twice where a page ends among them.
func TestEpisodePagesMeet(t *testing.T) {
	var all []drift.Episode
	w := newWorld(t, func(o *api.Options) {
		o.Episodes = episodesFunc(func(q drift.EpisodeQuery) []drift.Episode { return fakeEpisodes(all...)(q) })
	})
	rapid.Check(t, func(t *rapid.T) {
		all = nil
		for i := range rapid.IntRange(0, 20).Draw(t, "episodes") {
			e := anEpisode()
			e.Path = "/" + strconv.Itoa(i)
			e.Since = origin.Add(-time.Duration(rapid.IntRange(0, 4).Draw(t, "ms")) * time.Millisecond)
			all = append(all, e)
		}
		page := fmt.Sprintf("/drift/episodes?limit=%d", rapid.IntRange(1, 7).Draw(t, "limit"))
		seen := map[string]bool{}
		for next, pages := page, 0; ; pages++ {
			list := decode[struct {
				Items      []struct{ Path string }
				NextCursor string
			}](w.t, w.do("GET", next, ""))
			for _, e := range list.Items {
				if seen[e.Path] {
					t.Fatalf("%s came twice", e.Path)
				}
				seen[e.Path] = true
			}
			if list.NextCursor == "" {
				break
			}
			if pages > len(all) {
				t.Fatal("the pages never end")
			}
			next = page + "&cursor=" + list.NextCursor
		}
		if len(seen) != len(all) {
			t.Fatalf("got %d of %d", len(seen), len(all))
		}
	})
}
