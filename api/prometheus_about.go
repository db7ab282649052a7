package api

import (
	"maps"
	"runtime"
	"slices"

	"github.com/labstack/echo/v4"
)

// promMetadata says what the metrics are.
func (s *Server) promMetadata(c echo.Context) (a promAnswer, err error) {
	f := promForm{values: c.Request().Form}
	limit := f.limit("limit")
	if f.err != nil {
		return a, f.err
	}
	type metadata struct {
		Type string `json:"type"`
		Help string `json:"help"`
		Unit string `json:"unit"`
	}
	all := map[string][]metadata{}
	add := func(name, help, unit string) {
		if only := f.text("metric"); only == "" || only == name {
			all[name] = []metadata{{"gauge", help, unit}}
		}
	}
	add("driftcast_forecast_quantile", "Quantile of a level at the sample's time, in the level's own unit.", "")
	add("driftcast_risk_ratio", "Probability, said at the sample's time, that the bound is crossed, or the event begins, within the horizon.", "ratio")
	for _, t := range s.o.Targets() {
		if !t.IsEvent() {
			add(t.Name+":predicted", "Forecast of "+t.Name+": its median (yhat) and 0.1 and 0.9 quantiles (yhat_lower, yhat_upper).", s.unit(t.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if limit > 0 && len(all) > limit {
			delete(all, name)
		}
	}
	return promAnswer{data: all}, nil
}

func (s *Server) promBuildInfo(echo.Context) (promAnswer, error) {
	return promAnswer{data: map[string]string{"version": promVersion, "revision": s.o.Version, "branch": "", "buildUser": "", "buildDate": "",
		"goVersion": runtime.Version(), "application": "Driftcast"}}, nil
}
