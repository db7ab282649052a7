package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// load reads a recording.
func load(ctx context.Context, root, set string, labels []string, interval time.Duration) (*collector.Memory, error) {
	path := filepath.Join(root, set, "series.csv.gz")
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	memory, _, err := collector.LoadCSV(ctx, file, collector.ImportOptions{Name: path, LabelColumns: labels, Interval: interval, KeepFirst: true})
	return memory, err
}

// panel puts a target's own column on its grid.
func panel(ctx context.Context, memory *collector.Memory, t *features.Target) (*features.Panel, error) {
	stored, err := memory.Signals(ctx)
	if err != nil {
		return nil, err
	}
	w := collector.Window{Step: t.Interval}
	for _, s := range stored {
		if w.Start.IsZero() || s.First.Before(w.Start) {
			w.Start = s.First
		}
		if s.Last.After(w.End) {
			w.End = s.Last
		}
	}
	w.Start, w.End = w.Start.Truncate(w.Step), w.End.Truncate(w.Step)
	p, err := features.Load(ctx, memory, t, w)
	if err == nil && len(p.Subjects) == 0 {
		err = fmt.Errorf("no series of %s", t.Name)
	}
	return p, err
}

// developed is the share of a recording's time that --dev looks at.
const developed = 0.7

// early is a panel's time for development.
func early(p *features.Panel) *features.Panel { return p.Until(int(developed * float64(p.Len))) }

// align moves every series by whole seasons so that all begin in the panel's
// first season, and cuts off what is empty then.
func align(p *features.Panel, season int) *features.Panel {
	out := *p
	out.Values, out.Len = nil, 0
	for _, v := range p.Values {
		from, to := 0, len(v)
		for from < to && v[from] != v[from] {
			from++
		}
		for to > from && v[to-1] != v[to-1] {
			to--
		}
		v = v[from-from%season : to]
		out.Values, out.Len = append(out.Values, v), max(out.Len, len(v))
	}
	for i, v := range out.Values {
		longer := make([]float64, out.Len)
		for j := copy(longer, v); j < len(longer); j++ {
			longer[j] = math.NaN()
		}
		out.Values[i] = longer
	}
	return &out
}

// total sums a panel's one signal over its subjects.
func total(p *features.Panel) *features.Panel {
	out := *p
	sum := make([]float64, p.Len)
	for i := range sum {
		sum[i] = math.NaN()
		for _, v := range p.Values {
			if x := v[i]; x == x {
				if sum[i] != sum[i] {
					sum[i] = 0
				}
				sum[i] += x
			}
		}
	}
	out.Subjects = []collector.Subject{{Kind: p.Subjects[0].Kind, Name: "total"}}
	out.Values = [][]float64{sum}
	return &out
}
