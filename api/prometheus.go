package api

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/collector"
)

// promBase is where Prometheus' own API is answered over forecasts. It is not
// in the contract: Prometheus' documentation is.
const promBase = "/prometheus"

// promVersion is the Prometheus whose engine and API this is. Clients choose by
// it what they ask.
const promVersion = "3.13.0"

// routePrometheus makes the routes that Grafana's Prometheus data source asks.
func (s *Server) routePrometheus(e *echo.Echo) {
	if s.o.Future == nil {
		return
	}
	get, both := []string{http.MethodGet}, []string{http.MethodGet, http.MethodPost}
	for _, r := range []struct {
		methods []string
		path    string
		answer  func(echo.Context) (promAnswer, error)
	}{
		{both, "/query", s.promQuery},
		{both, "/query_range", s.promQueryRange},
		{both, "/series", s.promSeries},
		{both, "/labels", s.promLabels},
		{get, "/label/:name/values", s.promLabelValues},
		{get, "/metadata", s.promMetadata},
		{get, "/status/buildinfo", s.promBuildInfo},
		// Grafana asks these two when a dashboard opens: there are none.
		{get, "/rules", func(echo.Context) (promAnswer, error) {
			return promAnswer{data: map[string][]string{"groups": {}}}, nil
		}},
		{both, "/query_exemplars", func(echo.Context) (promAnswer, error) { return promAnswer{data: []string{}}, nil }},
	} {
		e.Match(r.methods, promBase+"/api/v1"+r.path, s.limit(s.require(RoleView)(s.prometheus(r.answer))))
	}
	e.Any(promBase, nowhere)
	e.Any(promBase+"/*", nowhere)
}

func nowhere(c echo.Context) error {
	return problemf(http.StatusNotFound, "%s is not answered here; queries, labels, series and metadata are, under %s/api/v1", c.Request().URL.Path, promBase)
}

// isPrometheus says that a route answers in Prometheus' shape.
func isPrometheus(path string) bool { return path == promBase || strings.HasPrefix(path, promBase+"/") }

// promAnswer is what a route answers with: data, or the value of a query.
type promAnswer struct {
	data     any
	value    *collector.Answer
	warnings []string
}

// prometheus reads the form, which may come in the query or the body, and
// writes the answer.
func (s *Server) prometheus(answer func(echo.Context) (promAnswer, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, s.o.BodyLimit)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return err
			}
			return problemf(http.StatusBadRequest, "error parsing form values: %v", err)
		}
		a, err := answer(c)
		if err != nil {
			return err
		}
		return writeProm(c, a)
	}
}

func (s *Server) promQuery(c echo.Context) (a promAnswer, err error) {
	f := promForm{values: c.Request().Form}
	limit, at := f.limit("limit"), f.time("time", s.o.Now())
	ctx, cancel := f.timeout(c.Request().Context())
	defer cancel()
	if f.err != nil {
		return a, f.err
	}
	value, err := s.o.Future.Query(ctx, f.text("query"), at)
	return truncated(value, limit), promError("query", err)
}

func (s *Server) promQueryRange(c echo.Context) (a promAnswer, err error) {
	f := promForm{values: c.Request().Form}
	limit, w := f.limit("limit"), f.window()
	ctx, cancel := f.timeout(c.Request().Context())
	defer cancel()
	if f.err != nil {
		return a, f.err
	}
	value, err := s.o.Future.QueryRange(ctx, f.text("query"), w)
	return truncated(value, limit), promError("query", err)
}

// series lists what match[] selects.
func (s *Server) series(c echo.Context, f *promForm, limit int) (found []collector.Series, more bool, err error) {
	from, to := f.time("start", longAgo), f.time("end", farAhead)
	if f.err != nil {
		return nil, false, f.err
	}
	found, more, err = s.o.Future.Series(c.Request().Context(), f.values["match[]"], from, to, limit)
	return found, more, promError("match[]", err)
}

func (s *Server) promSeries(c echo.Context) (a promAnswer, err error) {
	f := promForm{values: c.Request().Form}
	if len(f.values["match[]"]) == 0 {
		return a, problemf(http.StatusBadRequest, "no match[] parameter provided")
	}
	found, more, err := s.series(c, &f, f.limit("limit"))
	if err != nil {
		return a, err
	}
	out := make([]map[string]string, len(found))
	for i, one := range found {
		out[i] = map[string]string{model.MetricNameLabel: one.Name}
		for _, l := range one.Labels {
			out[i][l.Name] = l.Value
		}
	}
	return cut(out, 0, more), nil
}

func (s *Server) promLabels(c echo.Context) (a promAnswer, err error) {
	f := promForm{values: c.Request().Form}
	limit := f.limit("limit")
	found, _, err := s.series(c, &f, 0)
	if err != nil {
		return a, err
	}
	names := map[string]bool{}
	for _, one := range found {
		names[model.MetricNameLabel] = true
		for _, l := range one.Labels {
			names[l.Name] = true
		}
	}
	return cut(sorted(names), limit, false), nil
}

func (s *Server) promLabelValues(c echo.Context) (a promAnswer, err error) {
	name := c.Param("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return a, problemf(http.StatusBadRequest, "invalid label name: %q", name)
	}
	f := promForm{values: c.Request().Form}
	limit := f.limit("limit")
	found, _, err := s.series(c, &f, 0)
	if err != nil {
		return a, err
	}
	values := map[string]bool{}
	for _, one := range found {
		value := one.Name
		if name != model.MetricNameLabel {
			value = one.Labels.Value(name)
		}
		if value != "" {
			values[value] = true
		}
	}
	return cut(sorted(values), limit, false), nil
}

func sorted(set map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(set))...)
}

// cut keeps at most limit of a list (0: all), and says so where there were more.
func cut[T any](list []T, limit int, more bool) promAnswer {
	if limit > 0 && len(list) > limit {
		list, more = list[:limit], true
	}
	a := promAnswer{data: list}
	if more {
		a.warnings = []string{"results truncated due to limit"}
	}
	return a
}

// truncated keeps at most limit series of a vector or a matrix.
func truncated(value collector.Answer, limit int) promAnswer {
	a := promAnswer{value: &value}
	if limit > 0 && len(value.Series) > limit {
		value.Series = value.Series[:limit]
		value.Warnings = append(value.Warnings, "results truncated due to limit")
	}
	return a
}
