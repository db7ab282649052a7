package alerter_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/driftcast/driftcast/alerter"
	"github.com/driftcast/driftcast/forecaster"
)

func Example() {
	alertmanager := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
	}))
	defer alertmanager.Close()

	a, err := alerter.New(alerter.Options{Peers: []alerter.PeerConfig{{URL: alertmanager.URL}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.Notify(ctx, []forecaster.Warning{warning("gpu-17")}); err != nil {
		fmt.Println(err)
	}
	cancel() // Run sends what waits before it returns
	if err := a.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: POST /api/v2/alerts
}
