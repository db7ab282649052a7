package corrector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // images without a zone database know the zones of policies too

	"github.com/prometheus/common/model"
	"github.com/robfig/cron/v3"
)

// Freeze is a time in which a policy does nothing. It never keeps anything from
// being undone.
type Freeze struct {
	From     string `yaml:"from"`               // a date, or a time as 2026-12-20T18:00:00Z
	To       string `yaml:"to"`                 // a date belongs to it, to its end
	Timezone string `yaml:"timezone,omitempty"` // of dates; default UTC
	Reason   string `yaml:"reason,omitempty"`
}

// Window is a recurring time in which a policy may act: from each time that Cron
// names, for so long. Where a policy has windows, it acts in them alone.
type Window struct {
	Cron     string         `yaml:"cron"` // minute hour day month weekday
	For      model.Duration `yaml:"for"`
	Timezone string         `yaml:"timezone,omitempty"` // default UTC
}

// span returns the beginning and the end of a freeze; the end is not part of it.
func (f Freeze) span() (from, to time.Time, err error) {
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil {
		return from, to, fmt.Errorf("timezone %q: want a name such as Europe/Amsterdam: %w", f.Timezone, err)
	}
	read := func(text string, plus int) (time.Time, error) {
		if at, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
			return at.AddDate(0, 0, plus), nil
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return at, fmt.Errorf("%q: want a date (2026-12-20) or a time (2026-12-20T18:00:00Z)", text)
		}
		return at, nil
	}
	if from, err = read(f.From, 0); err != nil {
		return from, to, fmt.Errorf("from %w", err)
	}
	if to, err = read(f.To, 1); err != nil {
		return from, to, fmt.Errorf("to %w", err)
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("from %s is not before to %s", f.From, f.To)
	}
	return from, to, nil
}

// open says whether a time is in the window: something began within For of it.
func (w Window) open(at time.Time) (bool, error) {
	if fields := len(strings.Fields(w.Cron)); fields != 5 {
		return false, fmt.Errorf("cron %q: want five fields (minute hour day month weekday), not %d", w.Cron, fields)
	}
	schedule, err := cron.ParseStandard(w.Cron)
	if err != nil {
		return false, fmt.Errorf("cron %q: %w", w.Cron, err)
	}
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return false, fmt.Errorf("timezone %q: want a name such as Europe/Amsterdam: %w", w.Timezone, err)
	}
	if w.For <= 0 {
		return false, errors.New("for: want how long the window is open, such as 8h")
	}
	began := schedule.Next(at.In(zone).Add(-time.Duration(w.For)))
	return !began.IsZero() && !began.After(at), nil
}

// thawed refuses within a freeze.
func (c *Corrector) thawed(_ context.Context, a *attempt) error {
	for _, f := range a.policy.Freeze {
		from, to, err := f.span()
		if err != nil {
			return refuse("freeze: %s", err)
		}
		if now := c.now(); !now.Before(from) && now.Before(to) {
			return refuse("%s to %s%s", f.From, f.To, because(f.Reason))
		}
	}
	return nil
}

// within refuses outside all windows, where there are any.
func (c *Corrector) within(_ context.Context, a *attempt) error {
	if len(a.policy.Windows) == 0 {
		return nil
	}
	var crons []string
	for _, w := range a.policy.Windows {
		open, err := w.open(c.now())
		if err != nil {
			return refuse("%s", err)
		}
		if open {
			a.note("in %q for %s", w.Cron, w.For)
			return nil
		}
		crons = append(crons, fmt.Sprintf("%q for %s", w.Cron, w.For))
	}
	return refuse("it is none of the allowed times (%s)", strings.Join(crons, ", "))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
