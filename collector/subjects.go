package collector

import (
	"fmt"
	"strings"
)

// Reduce keeps of series only the labels of their subject. A series that lacks
// one of them, and a second series of the same subject, are errors that say what
// to write instead.
func (s Signal) Reduce(series []Series) ([]Series, error) {
	out := make([]Series, 0, len(series))
	seen := make(map[string]int, len(series))
	names := strings.Join(s.Subject.Labels, ", ")
	for i, one := range series {
		kept := Labels{}
		for _, l := range one.Labels {
			for _, name := range s.Subject.Labels {
				if l.Name == name {
					kept = append(kept, l)
				}
			}
		}
		for _, name := range s.Subject.Labels {
			if kept.Value(name) == "" {
				return nil, fmt.Errorf("signal %s: series %s has no label %q that names its %s: keep it in the expression, e.g. … by (%s), or correct the subject's labels",
					s.Name, one.Labels, name, s.Subject.Kind, names)
			}
		}
		reduced := Series{Labels: kept, Times: one.Times, Values: one.Values}
		key := reduced.key()
		if first, ok := seen[key]; ok {
			return nil, fmt.Errorf("signal %s: more than one series for %s: %s and %s: aggregate by (%s), e.g. max by (%s) (%s)",
				s.Name, kept, series[first].Labels, one.Labels, names, names, s.Expr)
		}
		seen[key] = i
		out = append(out, reduced)
	}
	return out, nil
}

// String writes labels as PromQL does: {a="1", b="2"}.
func (l Labels) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, one := range l {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s=%q", one.Name, one.Value)
	}
	b.WriteByte('}')
	return b.String()
}
