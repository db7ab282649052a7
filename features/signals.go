package features

import (
	"fmt"
	"strings"

	"github.com/driftcast/driftcast/collector"
)

// Signal returns the target's own signal, named after the target: a level's
// expression as it is, or the event's predicate as 0 and 1 (see Predicate),
// one series a subject.
func (t *Target) Signal() (collector.Signal, error) {
	s := collector.Signal{
		Name: t.Name, Group: t.Group, Interval: t.Interval, Subject: t.Subject,
		Expr: t.Level, Help: t.Annotations["summary"],
	}
	switch {
	case t.Alert != "":
		s.Expr = fmt.Sprintf(`max by (%s) (ALERTS{alertname=%q,alertstate="firing"})`, strings.Join(t.Subject.Labels, ", "), t.Alert)
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
// ok is false where it has none.
func (t *Target) MaintenanceSignal() (s collector.Signal, ok bool, err error) {
	if t.Maintenance == "" {
		return collector.Signal{}, false, nil
	}
	expr, err := Predicate(t.Maintenance, t.Subject.Labels)
	if err != nil {
		return collector.Signal{}, false, fmt.Errorf("target %s: maintenance: %w", t.Name, err)
	}
	return collector.Signal{
		Name: t.maintenanceName(), Group: t.Group, Interval: t.Interval, Subject: t.Subject,
		Expr: expr, Help: "1 while " + t.Name + " is in planned maintenance",
	}, true, nil
}

func (t *Target) maintenanceName() string { return t.Name + ":maintenance" }
