package features

import (
	"math"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/collector"
)

// joiner lays the series of one signal onto the panel's grid and hands them to
// the panel's subjects.
type joiner struct {
	panel   *Panel
	members map[collector.Subject]collector.Labels // the labels of each subject's own series
}

// append appends one slice a subject to dst. Subjects that share a coarser
// series, or have none, share the slice.
func (j joiner) append(dst [][]float64, series []collector.Series) [][]float64 {
	byNames := map[string]map[string][]collector.Series{} // label names → label values → series
	for _, s := range series {
		names, values := keys(s.Labels)
		if byNames[names] == nil {
			byNames[names] = map[string][]collector.Series{}
		}
		byNames[names][values] = append(byNames[names][values], s)
	}
	shapes := make([][]string, 0, len(byNames)) // finest first
	for names := range byNames {
		shapes = append(shapes, split(names))
	}
	slices.SortFunc(shapes, func(a, b []string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return slices.Compare(a, b)
	})
	var missing []float64
	aligned := map[string][]float64{}
	for _, sub := range j.panel.Subjects {
		var values []float64
		for _, names := range shapes {
			key, ok := project(j.members[sub], names)
			if !ok {
				continue
			}
			shape := strings.Join(names, separator)
			found := byNames[shape][key]
			if len(found) == 0 {
				continue
			}
			id := shape + separator + separator + key
			if aligned[id] == nil {
				aligned[id] = j.panel.align(found)
			}
			values = aligned[id]
			break
		}
		if values == nil {
			if missing == nil {
				missing = j.panel.align(nil)
			}
			values = missing
		}
		dst = append(dst, values)
	}
	return dst
}

// align returns the series on the panel's grid: at each point the newest sample
// at or before it and younger than one interval. Where several series hold a
// sample, the first one's is taken.
func (p *Panel) align(series []collector.Series) []float64 {
	values := make([]float64, p.Len)
	for i := range values {
		values[i] = math.NaN()
	}
	start, step := p.Start.UnixMilli(), p.Interval.Milliseconds()
	for _, s := range series {
		i, at := 0, start // the grid point that a sample belongs to
		for k, t := range s.Times {
			if t <= start-step {
				continue
			}
			for at < t {
				i, at = i+1, at+step
			}
			if i >= p.Len {
				break
			}
			if k+1 < len(s.Times) && s.Times[k+1] <= at {
				continue // a newer one is there
			}
			if v := s.Values[k]; v-v == 0 && values[i] != values[i] {
				values[i] = v
			}
		}
	}
	return values
}

const separator = "\xff"

// keys returns a series' label names and values, each joined to one string.
func keys(l collector.Labels) (names, values string) {
	var n, v strings.Builder
	for i, label := range l {
		if i > 0 {
			n.WriteString(separator)
			v.WriteString(separator)
		}
		n.WriteString(label.Name)
		v.WriteString(label.Value)
	}
	return n.String(), v.String()
}

func split(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, separator)
}

// project returns the values of the named labels as keys would; ok is false
// where l lacks one.
func project(l collector.Labels, names []string) (key string, ok bool) {
	var b strings.Builder
	for i, name := range names {
		value := l.Value(name)
		if value == "" {
			return "", false
		}
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(value)
	}
	return b.String(), true
}
