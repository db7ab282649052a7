package features

import (
	"fmt"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/collector"
)

// Signal returns the target's own signal, named after the target: a level's
// expression as it is, or the event's predicate as 0 and 1 (see Predicate),
// one series a subject.
func (t *Target) Signal() (collector.Signal, error) {
	s := collector.Signal{
		Name: t.Name, Group: t.Group, Interval: t.Interval, Subject: t.Subject,
		Expr: t.Level, Unit: t.Units[t.Name], Help: t.Annotations["summary"],
	}
	switch {
	case t.Alert != "":
		matchers := fmt.Sprintf(`alertname=%q,alertstate="firing"`, t.Alert)
		for _, label := range t.Subject.Labels { // an alert without them is about something else
			matchers += fmt.Sprintf(",%s!=%q", label, "")
		}
		s.Expr = fmt.Sprintf("max by (%s) (ALERTS{%s})", strings.Join(t.Subject.Labels, ", "), matchers)
	case t.Level == "":
		expr, err := Predicate(t.Event, t.Subject.Labels)
		if err != nil {
			return collector.Signal{}, fmt.Errorf("target %s: event: %w", t.Name, err)
		}
		s.Expr = expr
	}
	return s, nil
}

// MaintenanceSignal returns the signal of the target's maintenance predicate;
// ok is false where it has none. Its subject has those of the target's labels
// that the predicate is aggregated by (a node's maintenance is that of all of
// its GPUs), or all of them where only the data can tell.
func (t *Target) MaintenanceSignal() (s collector.Signal, ok bool, err error) {
	if t.Maintenance == "" {
		return collector.Signal{}, false, nil
	}
	subject := t.Subject
	e, err := collector.ParseExpr(t.Maintenance)
	if err == nil {
		if by, known := grouping(e); known {
			subject.Labels = slices.DeleteFunc(slices.Clone(subject.Labels), func(l string) bool { return !slices.Contains(by, l) })
		}
		s.Expr, err = Predicate(t.Maintenance, subject.Labels)
	}
	if err != nil {
		return collector.Signal{}, false, fmt.Errorf("target %s: maintenance: %w", t.Name, err)
	}
	s.Name, s.Group, s.Interval, s.Subject = t.maintenanceName(), t.Group, t.Interval, subject
	s.Help = "1 while " + t.Name + " is in planned maintenance"
	return s, true, nil
}

func (t *Target) maintenanceName() string { return t.Name + ":maintenance" }
