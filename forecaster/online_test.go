package forecaster

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// TestIntervalsFollowOutcomes: outcomes above the 0.9 quantile widen what the
// same model issues next, above the median only, and nothing of another model. The
// shadow's follow its own.
func TestIntervalsFollowOutcomes(t *testing.T) {
	target := &features.Target{Name: "Latency", Level: "latency", Interval: time.Minute, Horizons: []time.Duration{15 * time.Minute, time.Hour}, Scale: features.ScaleRaw}
	s := &state{champion: serving{id: "m1"}, shadow: serving{id: "shadow"}, online: online{}}
	var due []Outcome
	for i := range 40 {
		due = append(due, Outcome{Model: "m1", Origin: time.Unix(int64(i)*3600, 0), Horizon: time.Hour, Lower: -1, Upper: 1, Actual: 3},
			Outcome{Model: "shadow", Origin: time.Unix(int64(i)*3600, 0), Horizon: time.Hour, Lower: -1, Upper: 1, Actual: -9},
			Outcome{Model: "m1", Origin: time.Unix(int64(i)*3600, 0), Horizon: 15 * time.Minute, Lower: -1, Upper: 1, Actual: math.NaN()})
	}
	s.learn(target, due)
	issue := func(model string) []float64 {
		fc := []models.Forecast{{Leads: []int{60}, Path: []float64{-4, -3, -2, -1, 0, 1, 2, 3, 4}}}
		s.online.adjust(target, model, fc)
		return fc[0].Path
	}
	if got := issue("m1"); got[8] <= 4 || got[0] < -4 || got[4] != 0 {
		t.Errorf("after outcomes above: got %v, want it wider above, not below", got)
	}
	if got := issue("m2"); got[8] != 4 {
		t.Errorf("another model: got %v, want no change", got)
	}
	if got := issue("shadow"); got[0] >= -4 || got[8] > 4 {
		t.Errorf("the shadow after outcomes below: got %v, want it wider below, not above", got)
	}
	want := issue("m1")
	b, err := s.online.MarshalBinary()
	s.online = online{}
	if err := errors.Join(err, s.online.UnmarshalBinary(b)); err != nil {
		t.Fatal(err)
	}
	if got := issue("m1"); !slices.Equal(got, want) {
		t.Errorf("another process: got %v, want %v", got, want)
	}
	if err := s.online.UnmarshalBinary(b[:len(b)-3]); !errors.Is(err, models.ErrCorrupt) {
		t.Errorf("bytes cut short: got %v", err)
	}
	s.champion.id = "m2"
	s.learn(target, nil)
	if got := issue("m2"); got[8] != 4 {
		t.Errorf("a new champion: got %v, want it to begin anew", got)
	}
}
