package api_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models/shift"
)

// fakeShifts are one regression after a rollout, and one signal that drifted.
type fakeShifts struct{}

func (fakeShifts) Regressions() []shift.Regression {
	return []shift.Regression{{
		ID: "r1", Target: latency.Name, State: shift.Standing, Shape: shift.Step, Subjects: []collector.Subject{{Kind: "service", Namespace: "serving", Name: "chat"}},
		Onset: origin, Detected: origin, Before: 0.2, After: 0.3, Effect: 0.5, Lower: 0.4, Upper: math.NaN(), Confidence: 0.99,
		Follows: []shift.Change{{Signal: "generation", Labels: collector.Labels{{Name: "deployment", Value: "chat"}}, At: origin, From: math.NaN(), To: 4}},
	}}
}

func (fakeShifts) Departures() []shift.Departure {
	return []shift.Departure{{Target: latency.Name, Subject: collector.Subject{Kind: "service", Namespace: "serving", Name: "chat"}, State: shift.Gone,
		Kind: shift.Drifted, Onset: origin, Detected: origin, Ended: origin, Comparison: shift.Comparison{PSI: 0.7, Usual: math.NaN()}}}
}

func TestShiftsAreFiltered(t *testing.T) {
	w := newWorld(t, nil)
	for path, want := range map[string]int{
		"/regressions": 1, "/regressions?state=standing": 1, "/regressions?state=gone": 0, "/regressions?target=NodeNotReady": 0,
		"/shifts": 1, "/shifts?state=gone": 1, "/shifts?state=new": 0, "/shifts?target=NodeNotReady": 0,
	} {
		a := w.do("GET", path, "")
		if got := len(decode[struct{ Items []json.RawMessage }](t, a).Items); got != want {
			t.Errorf("%s: got %d, want %d: %s", path, got, want, a.body)
		}
	}
	if a := w.do("GET", "/regressions", ""); !strings.Contains(string(a.body), `generation{deployment=\"chat\"} appeared`) {
		t.Errorf("the change is not told in words: %s", a.body)
	}
	if a := w.do("GET", "/regressions?state=lost", ""); a.StatusCode != 400 {
		t.Errorf("got %d, want 400", a.StatusCode)
	}
}

// TestShiftsAreStreamed: what the loop finds reaches the event stream as the contract has it.
func TestShiftsAreStreamed(t *testing.T) {
	w := newWorld(t, nil)
	regression, departure := fakeShifts{}.Regressions()[0], fakeShifts{}.Departures()[0]
	w.server.Publish(forecaster.Event{Kind: forecaster.RegressionChanged, Regression: &regression})
	w.server.Publish(forecaster.Event{Kind: forecaster.DriftChanged, Departure: &departure})
	for i, want := range []string{"Regression", "Shift"} {
		e := w.server.Told()[i]
		var value any
		if err := json.Unmarshal(e.Data, &value); err != nil {
			t.Fatal(err)
		}
		if err := w.doc.Components.Schemas[want].Value.VisitJSON(value); err != nil {
			t.Errorf("%s: %v", e.Type, err)
		}
	}
}
