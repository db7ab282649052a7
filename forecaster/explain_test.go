package forecaster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// TestExplainFindsTheDaysThatWentTheSameWay has a latency that climbs over its
// bound at noon on every other day: at a quarter to, the past knows.
func TestExplainFindsTheDaysThatWentTheSameWay(t *testing.T) {
	climbs := func(subject int, at time.Time) float64 {
		hour := float64(at.Unix()%86400) / 3600
		day := at.Unix() / 86400
		if (day+int64(subject))%2 == 0 && hour >= 10 && hour < 14 {
			return 1 + 0.6*(hour-10) // over 2 at 11:40
		}
		return 1 + 0.01*float64(at.Unix()/300%7)
	}
	now := noon.Add(-45 * time.Minute)
	w := newWorld(t, func(o *forecaster.Options) { o.Now = func() time.Time { return now } }, latency())
	w.write(t, "Latency", "service", 2, noon.Add(-10*24*time.Hour), now, 5*time.Minute, climbs)
	for s := range 2 {
		want := "none of the 5 moments most like it broke the bound within 1h"
		if day := now.Unix() / 86400; (day+int64(s))%2 == 0 {
			want = "5 of 5 most like it broke the bound within 1h: service/service-0"
		}
		got, err := w.Explain(t.Context(), "Latency", collector.Subject{Kind: "service", Name: name("service", s)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Text, want) || len(got.Episodes) != 5 || got.Known != 5 || got.Horizon != time.Hour || !got.Origin.Equal(now) {
			t.Errorf("service %d: got %+v, want %q", s, got, want)
		}
		for i, e := range got.Episodes {
			if e.Origin.After(now.Add(-time.Hour)) || i > 0 && e.Distance < got.Episodes[i-1].Distance {
				t.Errorf("got %+v, want past episodes, the nearest first", e)
			}
			for _, other := range got.Episodes[:i] {
				if other.Subject == e.Subject && other.Origin.Sub(e.Origin).Abs() < time.Hour {
					t.Errorf("got %s and %s of one subject, want them apart", other.Origin, e.Origin)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		target  string
		subject collector.Subject
	}{
		"no such target":  {"Nothing", collector.Subject{Kind: "service", Name: "service-00"}},
		"no such subject": {"Latency", collector.Subject{Kind: "service", Name: "unknown"}},
	} {
		if _, err := w.Explain(t.Context(), c.target, c.subject); !errors.Is(err, forecaster.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

func TestExplainAnEvent(t *testing.T) {
	target := down()
	target.Signals = []string{"heat"}
	w := newWorld(t, nil, target)
	hot := func(s int, at time.Time) bool { return (at.Unix()/300+int64(s)*40)%200 >= 180 } // for 100 minutes before it fails
	w.write(t, "NodeDown", "node", 4, noon.Add(-8*24*time.Hour), noon, 5*time.Minute, func(s int, at time.Time) float64 {
		if (at.Unix()/300+int64(s)*40)%200 < 4 {
			return 1
		}
		return 0
	})
	w.write(t, "heat", "node", 4, noon.Add(-8*24*time.Hour), noon, 5*time.Minute, func(s int, at time.Time) float64 {
		if hot(s, at) {
			return 90
		}
		return 60
	})
	told := 0
	for s := range 4 {
		got, err := w.Explain(t.Context(), "NodeDown", collector.Subject{Kind: "node", Name: name("node", s)})
		if errors.Is(err, forecaster.ErrNotFound) {
			continue // it is down now
		}
		if err != nil {
			t.Fatal(err)
		}
		told++
		if share := float64(got.Happened) / float64(got.Known); hot(s, noon) && share < 0.8 {
			t.Errorf("node %d is hot: got %+v", s, got)
		}
		if len(got.Episodes) == 0 || got.Episodes[0].After != nil || !strings.Contains(got.Text, "most like it came to the event within 6h") {
			t.Errorf("got %+v", got)
		}
	}
	if told == 0 {
		t.Error("nothing was explained")
	}
}
