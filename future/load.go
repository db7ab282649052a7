package future

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// load collects the curves of one selection.
type load struct {
	o      *Outlook
	s      *collector.Selection
	now    time.Time
	curves []collector.Curve
	points int
}

// target loads the curves of one target under the names that are asked for:
// what was said before, then the newest forecast of each subject.
func (l *load) target(ctx context.Context, t *features.Target, families []family) error {
	own, err := l.ownLabels(ctx, t)
	if err != nil {
		return err
	}
	search := families[0].search(l.s)
	past := make([]map[string]track, len(families))
	for i := range families {
		f := &families[i]
		if f.search(l.s) != search {
			search = "" // some need more
		}
	}
	for i := range families {
		if !l.s.Bare && l.s.From.Before(l.now) {
			if past[i], err = l.past(ctx, &families[i], search); err != nil {
				return err
			}
		}
	}
	query := forecaster.ForecastQuery{Target: t.Name, Sort: "subject", Search: search, Limit: 1000}
	for {
		page, next, err := l.o.o.Store.Forecasts(ctx, query)
		if err != nil {
			return err
		}
		for i := range page {
			labels, key := own(page[i].Subject), page[i].Subject.String()
			for j := range families {
				said := past[j][key]
				delete(past[j], key)
				if err := l.newest(&families[j], labels, said, &page[i]); err != nil {
					return err
				}
			}
		}
		if query.Cursor = next; next == "" {
			break
		}
	}
	for j := range families {
		for key, said := range past[j] { // of what is no longer forecast
			sub, err := collector.ParseSubject(key)
			if err != nil {
				return err
			}
			if err := l.put(&families[j], families[j].label(sub, own(sub)), said, l.now.UnixMilli()); err != nil {
				return err
			}
		}
	}
	return nil
}

// newest puts what was said of a subject before and is said now.
func (l *load) newest(f *family, own collector.Labels, said track, fc *models.Forecast) error {
	ends, stale := f.ends(fc), fc.Origin.Add(StaleAfter(f.target))
	if l.now.After(stale) && stale.Before(ends) {
		ends = stale
	}
	if l.s.Bare && ends.Before(l.s.From) {
		return nil
	}
	if said == nil {
		said = make(track, len(f.variants))
	}
	if !l.s.Bare {
		said.follow(f, fc)
	}
	return l.put(f, f.label(fc.Subject, own), said, ends.UnixMilli())
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

// ownLabels returns the labels that the series of a target's subjects have.
func (l *load) ownLabels(ctx context.Context, t *features.Target) (func(collector.Subject) collector.Labels, error) {
	var seen map[collector.Subject]collector.Labels
	if ambiguous(t.Subject) && l.o.o.History != nil {
		seen = map[collector.Subject]collector.Labels{}
		w := collector.Window{Start: l.now.Add(-24 * time.Hour), End: l.now, Step: t.Interval}
		_, err := l.o.o.History.SelectOf(ctx, t.Name, w, func(own collector.Labels) bool {
			if sub, ok := t.Subject.Subject(own); ok {
				seen[sub] = own
			}
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	return func(sub collector.Subject) collector.Labels {
		if own, known := seen[sub]; known {
			return own
		}
		return t.Subject.LabelsOf(sub)
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
