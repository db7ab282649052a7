package features

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Load reads a target's own signal and its covariates from History onto the
// grid w.Start, w.Start+Interval, …, w.End. See LoadSubjects.
func Load(ctx context.Context, r Reader, t *Target, w collector.Window) (*Panel, error) {
	return LoadSubjects(ctx, r, t, w, nil)
}

// LoadSubjects is Load for the subjects that keep accepts (nil: all), so that
// very many subjects can be worked in chunks.
//
// A grid point holds the newest sample at or before it, no older than one
// interval; otherwise it is NaN. Infinite samples count as missing. A covariate
// is joined to a subject whose labels hold all of the covariate's labels: its
// own series, or that of something coarser (the node of a GPU). Subjects are
// those of the target's own signal, sorted; an alert target, whose signal is
// absent while nothing fires, also takes those of its covariates and counts an
// absent sample as 0 from the first time that the subject is seen. While the
// target's maintenance predicate is true all samples of a subject are NaN.
func LoadSubjects(ctx context.Context, r Reader, t *Target, w collector.Window, keep func(collector.Subject) bool) (*Panel, error) {
	switch {
	case t.Interval <= 0:
		return nil, fmt.Errorf("target %s: interval %s is not positive", t.Name, t.Interval)
	case w.Step != 0 && w.Step != t.Interval:
		return nil, fmt.Errorf("target %s: the window's step %s is not the target's interval %s", t.Name, w.Step, t.Interval)
	}
	w.Step = t.Interval
	p := &Panel{Start: w.Start, Interval: t.Interval, Len: w.Len(), Signals: append([]string{t.Name}, t.Signals...)}
	reach := collector.Window{Start: w.Start.Add(time.Millisecond - t.Interval), End: w.End, Step: w.Step}

	wanted := wantedBy(t, keep)
	read := func(signal string) ([]collector.Series, error) {
		series, err := SelectOf(ctx, r, signal, reach, wanted)
		if err != nil {
			return nil, fmt.Errorf("target %s: read signal %s: %w", t.Name, signal, err)
		}
		return series, nil
	}
	members := map[collector.Subject]collector.Labels{}
	admit := func(series []collector.Series) {
		for _, s := range series {
			if sub, ok := t.Subject.Subject(s.Labels); ok && (keep == nil || keep(sub)) {
				members[sub] = s.Labels
			}
		}
	}
	own, err := read(t.Name)
	if err != nil {
		return nil, err
	}
	admit(own)
	if t.Alert != "" {
		for _, signal := range t.Signals {
			series, err := read(signal)
			if err != nil {
				return nil, err
			}
			admit(series)
		}
	}
	for sub := range members {
		p.Subjects = append(p.Subjects, sub)
	}
	slices.SortFunc(p.Subjects, compareSubjects)

	p.Values = make([][]float64, 0, len(p.Signals)*len(p.Subjects))
	j := joiner{panel: p, members: members}
	p.Values = j.append(p.Values, own)
	for _, signal := range t.Signals {
		series, err := read(signal)
		if err != nil {
			return nil, err
		}
		p.Values = j.append(p.Values, series)
	}
	if t.Alert != "" {
		fillAlert(p)
	}
	if t.Maintenance != "" {
		series, err := read(t.maintenanceName())
		if err != nil {
			return nil, err
		}
		p.mask(j.append(nil, series))
	}
	return p, nil
}

// mask makes every sample missing at which a subject is in maintenance.
func (p *Panel) mask(maintenance [][]float64) {
	for s, in := range maintenance {
		if !slices.ContainsFunc(in, func(v float64) bool { return v > 0 }) {
			continue
		}
		for k := range p.Signals { // slices may be shared between subjects
			p.Values[k*len(p.Subjects)+s] = slices.Clone(p.Series(k, s))
		}
		for i, v := range in {
			if v != v || v == 0 {
				continue
			}
			for k := range p.Signals {
				p.Series(k, s)[i] = math.NaN()
			}
		}
	}
}

// aliveSteps is how long after its last covariate sample the subject of an
// alert still counts as there.
const aliveSteps = 60

// fillAlert makes absent samples of an alert 0 where the subject is there:
// from its first sample of any signal on, and, where it has covariates, until
// aliveSteps after the last sample of them.
func fillAlert(p *Panel) {
	for s := range p.Subjects {
		own := slices.Clone(p.Series(0, s)) // the slice of the missing is shared
		p.Values[s] = own
		seen, covered, latest := false, false, -1
		for i, v := range own {
			for k := 1; k < len(p.Signals); k++ {
				if x := p.Series(k, s)[i]; x == x {
					seen, covered, latest = true, true, i
				}
			}
			seen = seen || v == v
			if v != v && seen && (!covered || i-latest <= aliveSteps) {
				own[i] = 0
			}
		}
	}
}

func compareSubjects(a, b collector.Subject) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
