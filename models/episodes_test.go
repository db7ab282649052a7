package models_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// framesOf cuts a labelled frame to look through, and one to ask about.
func framesOf(t testing.TB, target *features.Target, seed uint64) (past, now *features.Frame) {
	t.Helper()
	p := modeltest.Panel(target, 3, 400, seed)
	origins := make([]int, 0, 80)
	for i := 40; i < 360; i += 4 {
		origins = append(origins, i)
	}
	past, err := features.Extract(p, target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	if now, err = features.Extract(p, target, features.Options{Origins: []int{200, 395}}); err != nil {
		t.Fatal(err)
	}
	return past, now
}

func TestEpisodesAreOfThePastAndApart(t *testing.T) {
	bounded := levelTarget(features.ScaleRaw)
	bounded.Objective = &features.Objective{Op: "<", Bound: 2}
	for name, target := range map[string]*features.Target{"level": levelTarget(features.ScaleRaw), "level with a bound": bounded, "event": eventTarget()} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				past, now := framesOf(t, target, rapid.Uint64Range(1, 20).Draw(r, "seed"))
				if len(now.Rows) == 0 {
					return
				}
				e, err := models.NewPrecedents(past)
				if err != nil {
					r.Fatal(err)
				}
				row := rapid.IntRange(0, len(now.Rows)-1).Draw(r, "row")
				k, horizon := rapid.IntRange(1, 12).Draw(r, "k"), rapid.SampledFrom(target.Horizons).Draw(r, "horizon")
				got := e.Nearest(now, row, k, horizon)
				if len(got) > k || len(got) == 0 {
					r.Fatalf("got %d episodes, want 1 to %d", len(got), k)
				}
				for i, one := range got {
					if one.Origin.Add(horizon).After(now.OriginOf(row)) {
						r.Fatalf("the episode of %s had not ended at %s", one.Origin, now.OriginOf(row))
					}
					if math.IsNaN(one.Distance) || i > 0 && one.Distance < got[i-1].Distance {
						r.Fatalf("distances are not ascending: %v", got)
					}
					for _, other := range got[:i] {
						if other.Subject == one.Subject && other.Origin.Sub(one.Origin).Abs() < horizon {
							r.Fatalf("%s and %s of one subject overlap", other.Origin, one.Origin)
						}
					}
				}
			})
		})
	}
}

// TestEpisodesFindThemselves asks about rows that are in the library: a later
// question about the same moment would find it at distance 0.
func TestEpisodesFindThemselves(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Season = 20 // steps: the same shape comes back
	p := modeltest.Panel(target, 1, 400, 3)
	for i := range p.Values[0] {
		p.Values[0][i] = 5 + math.Sin(2*math.Pi*float64(i)/20)
	}
	past, err := features.Extract(p, target, features.Options{Origins: []int{100, 105, 110, 115}, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	now, err := features.Extract(p, target, features.Options{Origins: []int{305}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := models.NewPrecedents(past)
	if err != nil {
		t.Fatal(err)
	}
	got := e.Nearest(now, 0, 1, 5*time.Minute)
	if len(got) != 1 || !got[0].Origin.Equal(p.Time(105)) || got[0].Distance > 1e-3 {
		t.Errorf("got %+v, want the same phase of the season, at %s", got, p.Time(105))
	}
	if after := got[0].After; len(after) != 2 || math.Abs(after[0]-p.Values[0][110]) > 1e-12 {
		t.Errorf("got %v after it, want what came", after)
	}
	empty, err := features.Extract(p, target, features.Options{Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := models.NewPrecedents(empty); !errors.Is(err, models.ErrTooFewRows) {
		t.Errorf("got %v of no rows, want ErrTooFewRows", err)
	}
}

func BenchmarkNearest(b *testing.B) {
	past, now := framesOf(b, eventTarget(), 1)
	for len(past.Rows) < 20_000 { // the same rows again: it is the number that costs
		past.Rows, past.X, past.Labels = append(past.Rows, past.Rows...), append(past.X, past.X...), append(past.Labels, past.Labels...)
	}
	e, err := models.NewPrecedents(past)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Nearest(now, 0, 5, time.Hour)
	}
}
