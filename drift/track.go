package drift

import (
	"slices"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// recent is how far back onsets count as recurrences.
const recent = 30 * 24 * time.Hour

// episodes follows when fields begin and cease to be as declared.
type episodes struct {
	open   map[key]map[string]*Episode    // by path
	onsets map[key]map[string][]time.Time // within recent, oldest first
	ended  map[key]map[string]Episode     // the last that ended
	dirty  []*Episode                     // not kept yet
}

func newEpisodes() *episodes {
	return &episodes{open: map[key]map[string]*Episode{}, onsets: map[key]map[string][]time.Time{}, ended: map[key]map[string]Episode{}}
}

// recall takes in the past, in any order.
func (e *episodes) recall(list []Episode) {
	slices.SortFunc(list, func(a, b Episode) int { return a.Since.Compare(b.Since) })
	for _, past := range list {
		k := keyOf(past.Object)
		add(e.onsets, k, past.Path, append(e.onsets[k][past.Path], past.Since))
		if past.Open() {
			add(e.open, k, past.Path, &past)
			continue
		}
		add(e.ended, k, past.Path, past)
	}
}

func add[T any](m map[key]map[string]T, k key, path string, value T) {
	if m[k] == nil {
		m[k] = map[string]T{}
	}
	m[k][path] = value
}

// follow compares the differences of one object, of the kinds that the finding
// is about, with those that were open. Nothing is concluded from an Unknown.
// author says who owns a field now.
func (e *episodes) follow(now time.Time, object cluster.Ref, about func(Kind) bool, f Finding, author func(path string) string) {
	if f.Verdict == Unknown {
		return
	}
	k := keyOf(object)
	found := map[string]bool{}
	for i := range f.Differences {
		d := &f.Differences[i]
		found[d.Path] = true
		if _, ok := e.open[k][d.Path]; !ok {
			e.begin(now, &f, d)
		}
	}
	for path, episode := range e.open[k] {
		if !found[path] && about(episode.Kind) {
			episode.until(now)
			episode.RepairedBy = author(path)
			e.end(k, path, episode)
		}
	}
}

func (e *episodes) begin(now time.Time, f *Finding, d *Difference) {
	k := keyOf(f.Object)
	since := d.Since
	if since.IsZero() || since.After(now) || since.Before(e.ended[k][d.Path].Until) {
		since = now
	}
	episode := &Episode{Object: f.Object, Subject: f.Object.Subject(), Path: d.Path, Kind: d.Kind, Manager: d.Manager, Source: f.Source, Revision: f.Revision,
		Declared: d.Declared, Live: d.Live, Since: since}
	add(e.open, k, d.Path, episode)
	onsets := slices.DeleteFunc(append(slices.Clone(e.onsets[k][d.Path]), since), func(at time.Time) bool { return now.Sub(at) > recent })
	add(e.onsets, k, d.Path, onsets)
	e.dirty = append(e.dirty, episode)
}

func (e *episodes) end(k key, path string, episode *Episode) {
	delete(e.open[k], path)
	if len(e.open[k]) == 0 {
		delete(e.open, k)
	}
	add(e.ended, k, path, *episode)
	e.dirty = append(e.dirty, episode)
}

// absent ends the episodes of objects that are neither there nor missed, and
// forgets what ended long ago.
func (e *episodes) absent(now time.Time, objects []*cluster.Object, missed []Finding) {
	live, declared := make(map[key]bool, len(objects)), make(map[key]bool, len(missed))
	for _, o := range objects {
		live[keyOf(o.Ref)] = true
	}
	for i := range missed {
		declared[keyOf(missed[i].Object)] = true
	}
	for k, open := range e.open {
		if live[k] {
			continue
		}
		for path, episode := range open {
			if episode.Kind != Deletion || !declared[k] {
				episode.until(now)
				e.end(k, path, episode)
			}
		}
	}
	for k, ended := range e.ended {
		for path, episode := range ended {
			if now.Sub(episode.Until) > recent {
				delete(ended, path)
				delete(e.onsets[k], path)
			}
		}
		if len(ended) == 0 {
			delete(e.ended, k)
			delete(e.onsets, k)
		}
	}
}

// since tells a finding what is known of its past: when each difference began,
// and how often the most frequent of them has.
func (e *episodes) since(f *Finding) {
	k := keyOf(f.Object)
	for i := range f.Differences {
		d := &f.Differences[i]
		if episode := e.open[k][d.Path]; episode != nil {
			d.Since = episode.Since
		}
		if d.Since.IsZero() {
			d.Since = f.ComparedAt
		}
		if f.Since.IsZero() || d.Since.Before(f.Since) {
			f.Since = d.Since
		}
		f.Recurrences = max(f.Recurrences, len(e.onsets[k][d.Path]))
	}
}

// changed are the episodes to be kept, each once.
func (e *episodes) changed() []Episode {
	seen := make(map[*Episode]bool, len(e.dirty))
	out := make([]Episode, 0, len(e.dirty))
	for _, episode := range e.dirty {
		if !seen[episode] {
			seen[episode] = true
			out = append(out, *episode)
		}
	}
	return out
}

func (e *episodes) saved() { e.dirty = nil }
