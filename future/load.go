package future

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// load collects the curves of one selection.
type load struct {
	o      *Outlook
	s      *collector.Selection
	now    time.Time
	curves []collector.Curve
	points int
}

// family loads the curves of one name for one target: what was said before,
// then the newest forecast of each subject.
func (l *load) family(ctx context.Context, f *family) error {
	label, err := l.labeller(ctx, f)
	if err != nil {
		return err
	}
	search := f.search(l.s)
	past := map[string]track{}
	if !l.s.Bare && l.s.From.Before(l.now) {
		if past, err = l.past(ctx, f, search); err != nil {
			return err
		}
	}
	query := forecaster.ForecastQuery{Target: f.target.Name, Sort: "subject", Search: search, Limit: 1000}
	for {
		page, next, err := l.o.o.Store.Forecasts(ctx, query)
		if err != nil {
			return err
		}
		for i := range page {
			fc := &page[i]
			key := fc.Subject.String()
			said := past[key]
			delete(past, key)
			if said == nil {
				said = make(track, len(f.variants))
			}
			ends := said.follow(f, fc)
			if l.s.Bare && time.UnixMilli(ends).Before(l.s.From) {
				continue
			}
			if fresh := fc.Origin.Add(StaleAfter(f.target)); l.now.After(fresh) {
				ends = min(ends, fresh.UnixMilli())
			}
			if err := l.put(f, label(fc.Subject), said, ends); err != nil {
				return err
			}
		}
		if query.Cursor = next; next == "" {
			break
		}
	}
	for key, said := range past { // of what is no longer forecast
		sub, err := collector.ParseSubject(key)
		if err != nil {
			return err
		}
		if err := l.put(f, label(sub), said, l.now.UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// put keeps the curves of a subject that are asked for, until a time.
func (l *load) put(f *family, own collector.Labels, said track, until int64) error {
	for k, v := range f.variants {
		c := collector.Curve{Series: collector.Series{Name: f.name, Labels: with(own, v.label)}, Hold: f.risk, Every: f.target.Interval}
		if !l.s.Accepts(c.Name, c.Labels) {
			continue
		}
		if !l.s.Bare {
			c.Times, c.Values = said[k].times, said[k].values
			c.Until(until)
			l.points += len(c.Times)
		}
		if l.points > l.o.o.MaxPoints {
			return l.tooMuch()
		}
		l.curves = append(l.curves, c)
	}
	return nil
}

func (l *load) tooMuch() error {
	return &collector.QueryError{Kind: "execution",
		Err: fmt.Errorf("the query would load more than %d points of forecasts into memory; select fewer subjects, or a shorter time", l.o.o.MaxPoints)}
}

// past reads what was issued of each subject.
func (l *load) past(ctx context.Context, f *family, search string) (map[string]track, error) {
	tracks, points := map[string]track{}, 0
	for h, variants := range f.horizons() {
		stands := standsFor(h)
		ahead := h // from the origin to what the sample is about
		if f.risk {
			ahead = 0
		}
		q := forecaster.IssuedQuery{Target: f.target.Name, Horizon: h, Search: search,
			From: l.s.From.Add(-ahead - stands), To: l.s.To.Add(stands - ahead),
			Needs: func(from, to time.Time) bool { return l.s.Needs(from.Add(ahead), to.Add(ahead)) }}
		err := l.o.o.Store.IssuedOf(ctx, q, func(one forecaster.Issued) error {
			said := tracks[one.Subject]
			if said == nil {
				said = make(track, len(f.variants))
				tracks[one.Subject] = said
			}
			for _, k := range variants {
				said[k].say(one.Origin.Add(ahead), f.variants[k].of(one), stands, f.risk)
			}
			if points += len(variants); points > l.o.o.MaxPoints {
				return l.tooMuch()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return tracks, nil
}

// labeller returns the labels that a subject's series have, its variant's
// apart.
func (l *load) labeller(ctx context.Context, f *family) (func(collector.Subject) collector.Labels, error) {
	var seen map[collector.Subject]collector.Labels
	if spec := f.target.Subject; ambiguous(spec) && l.o.o.History != nil {
		seen = map[collector.Subject]collector.Labels{}
		w := collector.Window{Start: l.now.Add(-24 * time.Hour), End: l.now, Step: f.target.Interval}
		_, err := l.o.o.History.SelectOf(ctx, f.target.Name, w, func(own collector.Labels) bool {
			if sub, ok := spec.Subject(own); ok {
				seen[sub] = own
			}
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	return func(sub collector.Subject) collector.Labels {
		own, known := seen[sub]
		if !known {
			own = labelsOf(f.target.Subject, sub)
		}
		return f.label(sub, own)
	}, nil
}

// ambiguous says that the labels of a subject cannot always be told from its
// name: a value may have a colon of its own, as host:port has.
func ambiguous(spec collector.SubjectSpec) bool {
	names := 0
	for _, label := range spec.Labels {
		if label != "namespace" {
			names++
		}
	}
	return names > 1
}
