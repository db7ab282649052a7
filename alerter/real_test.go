package alerter_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/internal/promtest"
)

// TestRealAlertmanager sends to two real ones: the warning arrives at both, with
// its labels, and is resolved at both.
func TestRealAlertmanager(t *testing.T) {
	one, two := promtest.Alertmanager(t), promtest.Alertmanager(t)
	a := run(t, alerter.Options{ExternalURL: "http://driftcast.example"}, one.URL, two.URL)
	w := warning("gpu-17")
	w.Origin = time.Now()
	w.StartsAt = w.Origin
	notify(t, a, w)
	for _, am := range []string{one.URL, two.URL} {
		eventually(t, "a firing alert at "+am, func() bool {
			alerts := active(t, am)
			return len(alerts) == 1 && alerts[0].Labels["node"] == "gpu-17" && alerts[0].Annotations["probability"] == "0.82" &&
				alerts[0].GeneratorURL == "http://driftcast.example/forecasts/NodeNotReady/node%2Fgpu-17"
		})
	}
	w.Resolved = true
	notify(t, a, w)
	for _, am := range []string{one.URL, two.URL} {
		eventually(t, "no firing alert at "+am, func() bool { return len(active(t, am)) == 0 })
	}
}

func active(t *testing.T, am string) []posted {
	t.Helper()
	response, err := http.Get(am + "/api/v2/alerts?active=true")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var alerts []posted
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return alerts
}
