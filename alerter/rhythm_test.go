package alerter_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/forecaster"
)

// sighting is an alert and when it was posted.
type sighting struct {
	at time.Time
	posted
}

// recorder is a network with an Alertmanager in it that takes everything.
type recorder struct{ seen []sighting }

func (p *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	var batch []posted
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		return nil, err
	}
	for _, a := range batch {
		p.seen = append(p.seen, sighting{time.Now(), a})
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: http.NoBody}, nil
}

func TestRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &recorder{}
		a, err := alerter.New(alerter.Options{
			Peers:    []alerter.PeerConfig{{URL: "http://am"}},
			Interval: 2 * time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		alerter.UseTransport(a, p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()

		began := time.Now()
		at := func(s sighting) time.Duration { return s.at.Sub(began).Round(time.Second) }
		step := func(w forecaster.Warning) {
			if err := a.Notify(ctx, []forecaster.Warning{w}); err != nil {
				t.Fatal(err)
			}
		}
		w := warning("gpu-17")
		w.StartsAt = began
		for range 5 { // ten minutes of steps
			step(w)
			time.Sleep(2 * time.Minute)
		}
		synctest.Wait()
		active := p.seen
		for i, s := range active {
			if i > 0 && s.at.Sub(active[i-1].at) > time.Minute+time.Second {
				t.Errorf("silent from %s to %s: resend at least once a minute", at(active[i-1]), at(s))
			}
			if ends := s.EndsAt.Sub(s.at).Round(time.Second); ends != 8*time.Minute {
				t.Errorf("sent at %s, ends %s later; want 4 × the interval of 2m", at(s), ends)
			}
		}
		if len(active) < 10 {
			t.Errorf("%d posts in ten minutes", len(active))
		}

		resolved := time.Now()
		w.Resolved = true
		step(w)
		time.Sleep(time.Hour)
		synctest.Wait()
		over := p.seen[len(active):]
		if len(over) < 5 || at(over[0]) != resolved.Sub(began) {
			t.Fatalf("resolved was sent %d times", len(over))
		}
		for _, s := range over {
			if !s.EndsAt.Equal(resolved) {
				t.Errorf("a resolved alert ends %s, want when it was resolved, %s", s.EndsAt, resolved)
			}
		}
		if last := over[len(over)-1].at.Sub(resolved); last < 5*time.Minute || last > 8*time.Minute {
			t.Errorf("resolved was sent for %s, want 5m and a little", last)
		}

		// A forecaster that died: nobody renews the warning.
		before := len(p.seen)
		w.Resolved = false
		step(w)
		died := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		last := p.seen[len(p.seen)-1]
		if gone := last.at.Sub(died); len(p.seen) == before || gone > 9*time.Minute {
			t.Errorf("a warning that nobody renews was sent for %s", gone)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
