package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/collector"
)

// The ends of time, as far as an API of milliseconds needs them; Prometheus'
// clients write its own ends, whose years have too many digits for RFC 3339.
var (
	longAgo  = time.Unix(-100_000_000_000_000, 0).UTC()
	farAhead = time.Unix(100_000_000_000_000, 0).UTC()
)

// promForm reads the parameters of a request in Prometheus' formats. The first
// that is wrong is remembered.
type promForm struct {
	values url.Values
	err    error
}

func (f *promForm) text(name string) string { return f.values.Get(name) }

func (f *promForm) fail(name string, err error) {
	if f.err == nil {
		f.err = problemf(http.StatusBadRequest, "invalid parameter %q: %v", name, err)
	}
}

// time reads a parameter that may be left out.
func (f *promForm) time(name string, absent time.Time) time.Time {
	if f.text(name) == "" {
		return absent
	}
	return f.needTime(name)
}

func (f *promForm) needTime(name string) time.Time {
	t, err := parsePromTime(f.text(name))
	if err != nil {
		f.fail(name, err)
	}
	return t
}

// parsePromTime reads Unix seconds or RFC 3339.
func parsePromTime(text string) (time.Time, error) {
	switch text {
	case "-292273086-05-16T16:47:06Z":
		return longAgo, nil
	case "+292277025-08-18T07:12:54.999999999Z", "292277025-08-18T07:12:54.999999999Z":
		return farAhead, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if !(math.Abs(s) <= float64(farAhead.Unix())) {
			return time.Time{}, fmt.Errorf("%q is out of range", text)
		}
		return time.UnixMilli(int64(math.Round(s * 1000))).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", text)
	}
	return t, nil
}

// parsePromDuration reads seconds or a duration such as 5m.
func parsePromDuration(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if !(math.Abs(s) < math.MaxInt64/float64(time.Second)) {
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return time.Duration(s * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", text)
	}
	return time.Duration(d), nil
}

// window reads start, end and step.
func (f *promForm) window() collector.Window {
	w := collector.Window{Start: f.needTime("start"), End: f.needTime("end")}
	step, err := parsePromDuration(f.text("step"))
	w.Step = step
	switch {
	case f.err != nil:
	case w.End.Before(w.Start):
		f.fail("end", errors.New("end timestamp must not be before start time"))
	case err != nil:
		f.fail("step", err)
	case step < time.Millisecond:
		f.fail("step", errors.New("zero or negative query resolution step widths are not accepted, and none under a millisecond"))
	case (w.End.UnixMilli()-w.Start.UnixMilli())/step.Milliseconds() > maxPoints:
		f.err = problemf(http.StatusBadRequest, "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
	}
	return w
}

// limit reads how many series are wanted at most; 0: all.
func (f *promForm) limit(name string) int {
	text := f.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		f.fail(name, err)
	}
	return n
}

// timeout bounds a query by what its parameter says. The server's own bound
// stays.
func (f *promForm) timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.text("timeout") == "" {
		return context.WithCancel(ctx)
	}
	d, err := parsePromDuration(f.text("timeout"))
	if err != nil {
		f.fail("timeout", err)
	}
	return context.WithTimeout(ctx, d)
}
