package collector

import (
	"context"
	"errors"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// absent returns the samples whose time their series does not have yet, so that
// what is stored stands. It reads History only where a sample is not newer than
// all there is of the signal.
func (h *History) absent(ctx context.Context, signal string, series []Series, oldest, newest int64, count int) ([]Series, int, error) {
	last, ok, err := h.Last(ctx, signal)
	if err != nil {
		return nil, 0, err
	}
	if !ok || oldest > milliseconds(last) {
		return series, count, nil
	}
	stored, err := h.times(ctx, signal, series, oldest, newest)
	if err != nil || len(stored) == 0 {
		return series, count, err
	}
	out, fresh := make([]Series, len(series)), 0
	for i := range series {
		out[i] = series[i]
		if there := stored[series[i].key()]; len(there) > 0 {
			out[i] = without(series[i], there)
		}
		fresh += len(out[i].Times)
	}
	return out, fresh, nil
}

// times returns the stored times of the series in [mint, maxt], by key. A few
// series are looked up one by one.
func (h *History) times(ctx context.Context, signal string, series []Series, mint, maxt int64) (map[string][]int64, error) {
	q, err := h.chunkQuerier(mint, maxt)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]int64, len(series))
	read := func(matchers ...*labels.Matcher) {
		var found []Series
		if err == nil {
			found, err = selectSeries(ctx, q, append(matchers, equal(model.MetricNameLabel, signal)), mint, maxt, nil)
		}
		for i := range found {
			out[found[i].key()] = found[i].Times
		}
	}
	if len(series) <= 8 {
		for _, s := range series {
			var matchers []*labels.Matcher
			for _, l := range s.Labels {
				matchers = append(matchers, equal(l.Name, l.Value))
			}
			read(matchers...)
		}
	} else {
		read()
	}
	return out, errors.Join(err, q.Close())
}

func equal(name, value string) *labels.Matcher {
	return labels.MustNewMatcher(labels.MatchEqual, name, value)
}

// without returns a copy of s that lacks the times given, both ascending.
func without(s Series, times []int64) Series {
	out := Series{Labels: s.Labels, Name: s.Name}
	for i, t := range s.Times {
		if _, there := slices.BinarySearch(times, t); !there {
			out.Times, out.Values = append(out.Times, t), append(out.Values, s.Values[i])
		}
	}
	return out
}
