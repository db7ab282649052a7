package shift

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Change is something that changed at a time: a signal took another value, or a
// series of it appeared (a new image, a pod on another node).
type Change struct {
	Signal   string
	Labels   collector.Labels // whose it is
	At       time.Time
	From, To float64 // NaN where the series appeared
}

// String writes the change in words.
func (c Change) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	if c.From != c.From {
		return fmt.Sprintf("%s%s appeared", c.Signal, c.Labels)
	}
	return fmt.Sprintf("%s%s %s → %s", c.Signal, c.Labels, number(c.From), number(c.To))
}

// Changes lists what changed in the series of a signal, oldest first. A series
// that begins counts as a change where the signal itself is older by more than
// the grace.
func Changes(signal string, series []collector.Series, grace time.Duration) []Change {
	first := int64(math.MaxInt64)
	for _, s := range series {
		if len(s.Times) > 0 {
			first = min(first, s.Times[0])
		}
	}
	var out []Change
	for _, s := range series {
		last := math.NaN()
		for i, v := range s.Values {
			at := time.UnixMilli(s.Times[i]).UTC()
			switch {
			case v != v:
				continue
			case last != last && s.Times[i]-first > grace.Milliseconds():
				out = append(out, Change{Signal: signal, Labels: s.Labels, At: at, From: math.NaN(), To: v})
			case last == last && v != last:
				out = append(out, Change{Signal: signal, Labels: s.Labels, At: at, From: last, To: v})
			}
			last = v
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int { return a.At.Compare(b.At) })
	return out
}

// Follow returns those of the changes that a shift of a subject may follow: they
// came at most reach before the onset, or while it can have been, and concern
// the subject. The nearest comes first, and of equals the one that names the
// subject more closely.
func Follow(changes []Change, subject collector.Labels, between, onset time.Time, reach, slack time.Duration) []Change {
	type found struct {
		Change
		closeness int
		apart     time.Duration
	}
	var list []found
	for _, c := range changes {
		closeness, ok := concerns(c.Labels, subject)
		if !ok || c.At.Before(between.Add(-reach)) || c.At.After(onset.Add(slack)) {
			continue
		}
		list = append(list, found{c, closeness, onset.Sub(c.At).Abs()})
	}
	slices.SortStableFunc(list, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.apart, b.apart), cmp.Compare(b.closeness, a.closeness))
	})
	out := make([]Change, len(list))
	for i, f := range list {
		out[i] = f.Change
	}
	return out
}

// concerns says whether a change's labels fit a subject's: none that both have
// differs. A workload's other names count too: the Deployment chat is that of
// the Service chat and of its pods chat-7d9f….
func concerns(change, subject collector.Labels) (closeness int, ok bool) {
	for _, one := range change {
		switch own := subject.Value(one.Name); own {
		case "":
		case one.Value:
			closeness++
		default:
			return 0, false
		}
	}
	named := func(l collector.Labels) []string {
		var out []string
		for _, key := range []string{"deployment", "statefulset", "daemonset", "service", "workload", "container", "pod"} {
			if v := l.Value(key); v != "" {
				out = append(out, v)
			}
		}
		return out
	}
	theirs, ours := named(change), named(subject)
	if len(theirs) == 0 || len(ours) == 0 {
		return closeness, true
	}
	for _, a := range theirs {
		for _, b := range ours {
			if a == b || strings.HasPrefix(b, a+"-") || strings.HasPrefix(a, b+"-") {
				return closeness + 1, true
			}
		}
	}
	return 0, false // another workload's
}
