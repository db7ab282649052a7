package collector

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// watermarkName is the series that says up to when a signal is complete: its
// newest sample, written at the time of the collection, has that time as its
// value in Unix seconds. It is kept in History itself, whose log is written in
// order, so that no crash leaves a mark without the samples below it.
const watermarkName = ownPrefix + "complete_until_timestamp_seconds"

// watermarks remembers up to when each signal has been collected completely.
type watermarks struct {
	history *History
	mu      sync.Mutex
	known   map[string]mark
	loaded  bool
}

// mark says that a signal is complete until a time; it was written at another.
// Both are Unix milliseconds.
type mark struct{ until, written int64 }

func newWatermarks(h *History) *watermarks {
	return &watermarks{history: h, known: map[string]mark{}}
}

// read returns the mark of a signal; ok is false where it has none.
func (m *watermarks) read(ctx context.Context, signal string) (until time.Time, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.loaded {
		if err := m.load(ctx); err != nil {
			return time.Time{}, false, err
		}
		m.loaded = true
	}
	known, ok := m.known[signal]
	return time.UnixMilli(known.until).UTC(), ok, nil
}

// load reads the marks of an earlier run. They may be as old as anything.
func (m *watermarks) load(ctx context.Context) error {
	series, err := m.history.Select(ctx, watermarkName, Window{Start: time.UnixMilli(minTime), End: time.UnixMilli(maxTime)})
	if err != nil {
		return fmt.Errorf("read watermarks: %w", err)
	}
	for _, s := range series {
		last := len(s.Times) - 1
		m.known[s.Labels.Value("signal")] = mark{int64(math.Round(s.Values[last] * 1000)), s.Times[last]}
	}
	return nil
}

// write moves the mark of a signal forward.
func (m *watermarks) write(ctx context.Context, signal string, until, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.known[signal]
	if ok && milliseconds(until) <= last.until {
		return nil
	}
	next := mark{milliseconds(until), milliseconds(now)}
	if ok {
		next.written = max(next.written, last.written+1)
	}
	series := Series{
		Labels: Labels{{Name: "signal", Value: signal}},
		Times:  []int64{next.written},
		Values: []float64{float64(next.until) / 1000},
	}
	if _, err := m.history.Append(ctx, watermarkName, []Series{series}); err != nil {
		return fmt.Errorf("write watermark: %w", err)
	}
	m.known[signal] = next
	return nil
}
