package store_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/store"
)

// The store is what the detector remembers with.
var (
	_ drift.Memory    = (*store.Store)(nil)
	_ drift.Baselines = (*store.Store)(nil)
)

func openDrift(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEpisodes(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }
	web := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "team", Name: "web"}
	node := cluster.Ref{Version: "v1", Kind: "Node", Name: "gpu-1"}
	episode := func(r cluster.Ref, path string, kind drift.Kind, since, until int) drift.Episode {
		e := drift.Episode{Object: r, Subject: r.Subject(), Path: path, Kind: kind, Manager: "kubectl-set", Source: drift.SourceGit, Revision: "abc", Declared: `"a"`, Live: `"b"`, Since: at(since)}
		if until > 0 {
			e.Until, e.RepairedBy = at(until), "flux"
		}
		return e
	}
	image, again := episode(web, "/spec/image", drift.Image, 1, 2), episode(web, "/spec/image", drift.Image, 5, 0)
	skew := episode(node, "/versions/driver", drift.VersionSkew, 3, 4)
	path := filepath.Join(t.TempDir(), "d.db")
	s := openDrift(t, path)
	begun := image
	begun.Until, begun.RepairedBy = time.Time{}, ""
	for _, list := range [][]drift.Episode{{begun}, {image, again, skew}, nil} { // what was put is put again when it ends
		if err := s.PutEpisodes(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	s = openDrift(t, path)
	other, subject := web, web.Subject()
	other.Version = "v1beta1"
	for what, tt := range map[string]struct {
		query drift.EpisodeQuery
		want  []drift.Episode
	}{
		"everything, newest first":         {drift.EpisodeQuery{}, []drift.Episode{again, skew, image}},
		"the newest two":                   {drift.EpisodeQuery{Limit: 2}, []drift.Episode{again, skew}},
		"that still are":                   {drift.EpisodeQuery{Open: true}, []drift.Episode{again}},
		"of an object, in another version": {drift.EpisodeQuery{Object: &other}, []drift.Episode{again, image}},
		"of a subject":                     {drift.EpisodeQuery{Subject: &subject}, []drift.Episode{again, image}},
		"of a kind":                        {drift.EpisodeQuery{Kind: drift.VersionSkew}, []drift.Episode{skew}},
		"that reach into a time":           {drift.EpisodeQuery{From: at(3), To: at(5)}, []drift.Episode{skew}},
		"that end as it begins":            {drift.EpisodeQuery{From: at(4)}, []drift.Episode{again, skew}},
		"long before":                      {drift.EpisodeQuery{To: at(1)}, nil},
	} {
		got, err := s.Episodes(t.Context(), tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if n, err := s.PruneEpisodes(t.Context(), at(4)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v; want the one that ended before", n, err)
	}
}

func TestBaselines(t *testing.T) {
	ref := cluster.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "team", Name: "web"}
	one := drift.Remembered{Object: ref, UID: "u", Body: []byte(`{"spec":{}}`), Manager: "flux", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Source: drift.SourceApply}
	two := one
	two.Manager = "team"
	path := filepath.Join(t.TempDir(), "d.db")
	s := openDrift(t, path)
	if err := s.PutBaselines(t.Context(), []drift.Remembered{one, two}, nil); err != nil {
		t.Fatal(err)
	}
	one.Body, one.UID = []byte(`{}`), "v"
	if err := s.PutBaselines(t.Context(), []drift.Remembered{one}, []drift.Remembered{two}); err != nil {
		t.Fatal(err)
	}
	got, err := openDrift(t, path).Baselines(t.Context())
	if diff := cmp.Diff([]drift.Remembered{one}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestDriftOfADamagedStore: every call names what was attempted.
func TestDriftOfADamagedStore(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "d.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, episodes := s.Episodes(t.Context(), drift.EpisodeQuery{})
	_, baselines := s.Baselines(t.Context())
	put := s.PutEpisodes(t.Context(), make([]drift.Episode, 1))
	for _, err := range []error{episodes, baselines, put} {
		if err == nil || errors.Unwrap(err) == nil {
			t.Errorf("a closed store answered %v", err)
		}
	}
}
