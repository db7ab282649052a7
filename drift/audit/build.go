package audit

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/driftcast/driftcast/drift"
)

// Together is how far apart the onsets of one drift's fields may be.
const Together = time.Minute

// worst is how many objects are named.
const worst = 20

// Build makes the report of a period. It only counts: the same input gives the
// same report.
func Build(in Input) Report {
	if in.Location == nil {
		in.Location = time.UTC
	}
	all := drifts(in.Episodes, in.To, identity)
	var began []Drift
	r := Report{From: in.From, To: in.To, Made: in.Now, Zone: in.Location.String(), Baselines: in.Baselines, Open: []Drift{}}
	for _, d := range all {
		if !d.Since.Before(in.From) && d.Since.Before(in.To) {
			began = append(began, d)
			r.Summary.Episodes += len(d.episodes)
			at := d.Since.In(in.Location)
			r.Week[(int(at.Weekday())+6)%7][at.Hour()]++
		}
		if d.Until.IsZero() && d.Since.Before(in.To) {
			r.Open = append(r.Open, d)
		}
	}
	weeks := in.To.Sub(in.From).Hours() / (7 * 24)
	r.Summary.Drifts, r.Summary.Open = len(began), len(r.Open)
	r.Summary.Objects = distinct(began, func(d Drift) string { return d.Object })
	if weeks > 0 {
		r.Summary.PerWeek = float64(len(began)) / weeks
	}
	r.Summary.Repair = survival(repairs(began))
	r.Summary.Return = survival(returns(all, in))
	r.Days = days(began, in)
	r.Kinds = kinds(in, weeks)
	r.Managers = groups(began, func(d Drift) []string { return orUnknown(d.Managers) })
	r.Places = groups(began, func(d Drift) []string { return []string{place(d)} })
	pools := poolsOf(in.Latest)
	r.Pools = groups(began, func(d Drift) []string { return pool(d, pools) })
	r.Objects = groups(began, func(d Drift) []string { return []string{d.Object} })
	r.Objects = r.Objects[:min(worst, len(r.Objects))]
	r.Repairers = groups(slices.DeleteFunc(slices.Clone(began), func(d Drift) bool { return d.Until.IsZero() }),
		func(d Drift) []string { return orUnknown(d.Repaired) })
	r.Unknown = unknowns(in.Latest)
	tell(&r, in, all)
	r.Summary.TrailRows, r.Summary.TrailBroken = in.Verified, in.Broken
	return r
}

func identity(e drift.Episode) string {
	return e.Object.Group + "/" + e.Object.Kind + "/" + e.Object.Namespace + "/" + e.Object.Name
}

// drifts puts episodes of the same key together, oldest onset first. Episodes
// that ended after the period count as open in it.
func drifts(episodes []drift.Episode, to time.Time, key func(drift.Episode) string) (out []Drift) {
	byKey := map[string][]drift.Episode{}
	for _, e := range episodes {
		if e.Since.Before(to) {
			byKey[key(e)] = append(byKey[key(e)], e)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		list := byKey[k]
		slices.SortStableFunc(list, func(a, b drift.Episode) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Path, b.Path)) })
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n].Since.Sub(list[0].Since) <= Together {
				n++
			}
			out = append(out, together(list[:n], to))
			list = list[n:]
		}
	}
	slices.SortStableFunc(out, func(a, b Drift) int { return a.Since.Compare(b.Since) })
	return out
}

func together(list []drift.Episode, to time.Time) Drift {
	first := list[0]
	d := Drift{Object: first.Object.String(), Subject: first.Subject.String(), Source: first.Source, Revision: first.Revision, Since: first.Since, episodes: list,
		Kinds: []string{}, Paths: []string{}, Managers: []string{}, Repaired: []string{}}
	add := func(list *[]string, value string) {
		if value != "" && !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	open := false
	for _, e := range list {
		add(&d.Kinds, string(e.Kind))
		add(&d.Paths, e.Path)
		add(&d.Managers, e.Manager)
		if e.Open() || e.Until.After(to) {
			open = true
			continue
		}
		add(&d.Repaired, e.RepairedBy)
		if e.Until.After(d.Until) {
			d.Until = e.Until
		}
	}
	if open {
		d.Until, d.Repaired = time.Time{}, []string{}
	}
	end := d.Until
	if open {
		end = to
	}
	d.Age = max(0, end.Sub(d.Since))
	return d
}

func repairs(list []Drift) (spells []spell) {
	for _, d := range list {
		spells = append(spells, spell{d.Age, d.Until.IsZero()})
	}
	return spells
}

// returns are the times from each repair in the period to the next drift of the
// same object, or to the period's end. Fields that drift anew while others still
// do are no return.
func returns(all []Drift, in Input) (spells []spell) {
	byObject := map[string][]Drift{}
	for _, d := range all {
		byObject[d.Object] = append(byObject[d.Object], d)
	}
	for _, object := range slices.Sorted(maps.Keys(byObject)) {
		list := byObject[object] // oldest first, as all is
		var until time.Time
		for i, d := range list {
			if d.Until.IsZero() {
				break // never clean again in the period
			}
			until = later(until, d.Until)
			if i+1 < len(list) && !list[i+1].Since.After(until) {
				continue // not clean yet
			}
			if until.Before(in.From) {
				continue
			}
			if i+1 < len(list) {
				spells = append(spells, spell{list[i+1].Since.Sub(until), false})
			} else {
				spells = append(spells, spell{in.To.Sub(until), true})
			}
		}
	}
	return spells
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func kinds(in Input, weeks float64) []Kind {
	byKind := map[drift.Kind][]drift.Episode{}
	for _, e := range in.Episodes {
		byKind[e.Kind] = append(byKind[e.Kind], e)
	}
	out := []Kind{}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		all := drifts(byKind[kind], in.To, identity)
		k := Kind{Kind: kind}
		var began []Drift
		for _, d := range all {
			if d.Until.IsZero() {
				k.Open++
			}
			if !d.Since.Before(in.From) {
				began = append(began, d)
			}
		}
		k.Drifts, k.Objects = len(began), distinct(began, func(d Drift) string { return d.Object })
		if k.Drifts == 0 && k.Open == 0 {
			continue
		}
		if weeks > 0 {
			k.PerWeek = float64(k.Drifts) / weeks
		}
		k.Repair, k.Return = survival(repairs(began)), survival(returns(all, in))
		out = append(out, k)
	}
	slices.SortStableFunc(out, func(a, b Kind) int { return cmp.Compare(b.Drifts, a.Drifts) })
	return out
}

func days(began []Drift, in Input) []Day {
	count := map[string]int{}
	for _, d := range began {
		count[d.Since.In(in.Location).Format(time.DateOnly)]++
	}
	out := []Day{}
	from := in.From.In(in.Location)
	for day := time.Date(from.Year(), from.Month(), from.Day(), 12, 0, 0, 0, in.Location); ; day = day.AddDate(0, 0, 1) {
		if start := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, in.Location); !start.Before(in.To) {
			return out
		}
		date := day.Format(time.DateOnly)
		out = append(out, Day{date, count[date]})
	}
}

func distinct(list []Drift, key func(Drift) string) int {
	seen := map[string]bool{}
	for _, d := range list {
		seen[key(d)] = true
	}
	return len(seen)
}
