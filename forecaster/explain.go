package forecaster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Explanation is what the past says of one subject as it stands: the moments
// that were most like now, and what followed them.
type Explanation struct {
	Target   string
	Subject  collector.Subject
	Origin   time.Time
	Horizon  time.Duration // within which what followed is told
	At       int           // of Horizon, among the target's horizons
	Episodes []models.Episode
	Happened int    // of those whose outcome is known
	Known    int    // episodes whose outcome at Horizon is known
	Text     string // in words
}

const (
	episodesTold   = 5
	episodesAge    = time.Hour // in the clock's time, until they are gathered anew
	episodesPanel  = 64 << 20  // bytes that are read for them at once
	episodesOrigin = 20_000    // rows
)

// library is what Explain has gathered of a target.
type library struct {
	made     time.Time
	keep     func(collector.Subject) bool // the subjects in it
	episodes *models.Precedents
}

// Explain finds the past episodes that a subject is most like now, within the
// window that models are trained on. The first call for a target reads that
// window, of a part of the subjects where they are many. ErrNotFound (wrapped)
// is a target or subject of which nothing is known.
func (f *Forecaster) Explain(ctx context.Context, target string, subject collector.Subject) (Explanation, error) {
	known, _, err := f.target(target)
	if err != nil {
		return Explanation{}, err
	}
	t := *known
	now := f.o.Now()
	out := Explanation{Target: t.Name, Subject: subject}
	out.At, out.Horizon = spoken(&t, f.o.Window)
	l, err := f.library(ctx, &t, now)
	if err != nil {
		return out, fmt.Errorf("explain %s: %w", t.Name, err)
	}
	end := now.Truncate(t.Interval)
	w := collector.Window{Start: end.Add(-features.Lookback(&t)), End: end, Step: t.Interval}
	panel, err := features.LoadSubjects(ctx, f.o.History, &t, w, func(s collector.Subject) bool { return s == subject || l.keep(s) })
	if err != nil {
		return out, fmt.Errorf("explain %s: %w", t.Name, err)
	}
	frame, err := features.Extract(panel, &t, features.Options{Origins: []int{panel.Len - 1}})
	if err != nil {
		return out, fmt.Errorf("explain %s: %w", t.Name, err)
	}
	for row := range frame.Rows {
		if frame.SubjectOf(row) == subject {
			out.Origin = frame.OriginOf(row)
			out.Episodes = l.episodes.Nearest(frame, row, episodesTold, out.Horizon)
			out.tell(&t)
			return out, nil
		}
	}
	return out, fmt.Errorf("explain %s of %s: no fresh samples of it: %w", t.Name, subject, ErrNotFound)
}

// spoken is the longest horizon that a window holds several of.
func spoken(t *features.Target, window time.Duration) (at int, horizon time.Duration) {
	for i, h := range t.Horizons {
		if i == 0 || h <= window/4 {
			at, horizon = i, h
		}
	}
	return at, horizon
}

// library gathers a target's episodes, or gives those gathered lately.
func (f *Forecaster) library(ctx context.Context, t *features.Target, now time.Time) (*library, error) {
	f.explaining.Lock()
	defer f.explaining.Unlock()
	if l := f.libraries[t.Name]; l != nil && within(now, l.made, episodesAge) {
		return l, nil
	}
	end := now.Truncate(t.Interval)
	w := collector.Window{Start: end.Add(-f.o.Window).Truncate(t.Interval), End: end, Step: t.Interval}
	recent, err := f.o.History.Select(ctx, t.Name, collector.Window{Start: end.Add(-24 * time.Hour), End: end})
	if err != nil {
		return nil, err
	}
	parts := uint32(1 + len(recent)*w.Len()*(1+len(t.Signals))*8/episodesPanel)
	l := &library{made: now, keep: func(s collector.Subject) bool { return parts == 1 || bucket(s, parts) == 0 }}
	panel, err := features.LoadSubjects(ctx, f.o.History, t, w, l.keep)
	if err != nil {
		return nil, err
	}
	frame, err := cut(trim(panel), t, episodesOrigin)
	if err != nil {
		return nil, err
	}
	if l.episodes, err = models.NewPrecedents(frame); err != nil {
		return nil, err
	}
	f.libraries[t.Name] = l
	return l, nil
}

// tell puts the episodes into words.
func (x *Explanation) tell(t *features.Target) {
	h := x.At
	var when []string
	rose, changes := 0, 0
	for _, e := range x.Episodes {
		if y := e.Happened[h]; y == y {
			x.Known++
			if y > 0.5 {
				x.Happened++
				when = append(when, fmt.Sprintf("%s on %s", e.Subject, e.Origin.UTC().Format("2 Jan 15:04")))
			}
		}
		if e.After != nil && e.After[h]-e.Value == e.After[h]-e.Value {
			changes++
			if e.After[h] > e.Value {
				rose++
			}
		}
	}
	switch {
	case len(x.Episodes) == 0:
		x.Text = "nothing like it in the training window"
	case x.Known > 0 && x.Happened == 0:
		x.Text = fmt.Sprintf("none of the %d moments most like it %s within %s", x.Known, verb(t), short(x.Horizon))
	case x.Known > 0:
		x.Text = fmt.Sprintf("%d of %d most like it %s within %s: %s", x.Happened, x.Known, verb(t), short(x.Horizon), strings.Join(when, ", "))
	case changes > 0:
		x.Text = fmt.Sprintf("of the %d moments most like it, %d stood higher %s later", changes, rose, short(x.Horizon))
	default:
		x.Text = fmt.Sprintf("what followed the %d moments most like it is not known", len(x.Episodes))
	}
}

// verb is what happens where a forecast comes true.
func verb(t *features.Target) string {
	if t.IsEvent() {
		return "came to the event"
	}
	return "broke the bound"
}
