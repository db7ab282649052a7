package collector

import (
	"context"
	"time"
)

// Label is one name and value of a series.
type Label struct{ Name, Value string }

// Labels are the labels of a series, sorted by name, without __name__.
type Labels []Label

// Value returns the value of a label, "" where there is none.
func (l Labels) Value(name string) string {
	for i := range l { // they are few
		if l[i].Name == name {
			return l[i].Value
		}
	}
	return ""
}

// Series is one series of samples in time order. Times are Unix milliseconds;
// a value of NaN is a sample that says "not a number"; missing data has no
// sample at all.
type Series struct {
	Labels Labels
	Times  []int64
	Values []float64

	// Name is the metric name where the result of a query keeps one. Select
	// leaves it empty: the caller knows it.
	Name string
}

// Window is a grid in time: Start, Start+Step, …, up to and including End.
type Window struct {
	Start, End time.Time
	Step       time.Duration
}

// Len returns the number of grid points, 0 where End is before Start.
func (w Window) Len() int {
	if w.End.Before(w.Start) || w.Step <= 0 {
		return 0
	}
	return int(w.End.Sub(w.Start)/w.Step) + 1
}

// Result is the answer to a query. Warnings not empty means that the data is
// incomplete: it is kept, but the time it covers is asked for again.
type Result struct {
	Series   []Series
	Warnings []string
}

// Source answers PromQL over a window: a Prometheus server, the local History,
// or the simulator.
type Source interface {
	QueryRange(ctx context.Context, expr string, w Window) (Result, error)
}

// Signal is a named PromQL expression sampled on a grid, one series a subject.
type Signal struct {
	Name     string        // the series name in History
	Group    string        // the group of the target file that names it
	Expr     string        // PromQL, evaluated at every grid point
	Interval time.Duration // the grid
	Subject  SubjectSpec   // whose series these are; only these labels are kept
	Unit     string        // base unit, for people: s, W, °C, bytes, ratio
	Help     string
}
