package drift_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// memory keeps episodes and baselines as the store does.
type memory struct {
	episodes  map[string]drift.Episode
	baselines map[string]drift.Remembered
	fail      error
}

func newMemory() *memory {
	return &memory{episodes: map[string]drift.Episode{}, baselines: map[string]drift.Remembered{}}
}

func (m *memory) Episodes(context.Context, drift.EpisodeQuery) (list []drift.Episode, err error) {
	for _, e := range m.episodes {
		list = append(list, e)
	}
	return list, m.fail
}

func (m *memory) PutEpisodes(_ context.Context, list []drift.Episode) error {
	for _, e := range list {
		if m.fail == nil {
			m.episodes[fmt.Sprint(e.Object, e.Path, e.Since)] = e
		}
	}
	return m.fail
}

func (m *memory) Baselines(context.Context) (list []drift.Remembered, err error) {
	for _, r := range m.baselines {
		list = append(list, r)
	}
	return list, m.fail
}

func (m *memory) PutBaselines(_ context.Context, put, forget []drift.Remembered) error {
	for _, r := range forget {
		delete(m.baselines, fmt.Sprint(r.Object, r.Manager))
	}
	for _, r := range put {
		m.baselines[fmt.Sprint(r.Object, r.Manager)] = r
	}
	return m.fail
}

// TestEpisodes is the life of a drift, over a restart: its onset, age, repair by
// whom, and recurrence.
func TestEpisodes(t *testing.T) {
	s, m := newServer(t), newMemory()
	s.apply("flux", web)
	open := func() *drift.Detector { return s.detector(drift.Options{Memory: m, Baselines: m}) }
	d := open()
	compare(t, d)
	s.tick(time.Hour)
	onset := s.now
	s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2"; delete(c, "args") })
	s.tick(time.Minute)
	compare(t, d)
	s.tick(time.Hour)
	d = open() // a restart: what flux declared is remembered
	report := compare(t, d)
	if got := len(drifted(report)); got != 2 {
		t.Fatalf("after a restart %d differences, want 2", got)
	}
	f := report.Findings[0]
	if !f.Since.Equal(onset) || f.Recurrences != 1 || f.Confidence != 0.9 {
		t.Errorf("since %s, %d recurrences, confidence %g; want %s, 1, 0.9", f.Since, f.Recurrences, f.Confidence, onset)
	}
	if got := value(d, s.now, "driftcast_drift_age_seconds", "image"); got != (time.Hour + time.Minute).Seconds() {
		t.Errorf("age %g s, want 1 h 1 m", got)
	}
	s.apply("flux", web)
	compare(t, d)
	if got := value(d, s.now, "driftcast_drift_drifted", "image"); got != 0 {
		t.Errorf("repaired, and yet drifted is %g", got)
	}
	for _, e := range m.episodes {
		if e.Open() || e.RepairedBy != "flux" || e.Subject.String() != "workload/team/web" {
			t.Errorf("got %+v, want repaired by flux", e)
		}
		if e.Path == "/spec/template/spec/containers/name=c/image" && (e.Manager != "kubectl-set" || !e.Since.Equal(onset)) {
			t.Errorf("got %+v, want it by kubectl-set, since it was set", e)
		}
	}
	s.tick(time.Hour)
	s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2" })
	if got := compare(t, d).Findings[0].Recurrences; got != 2 {
		t.Errorf("%d recurrences, want 2", got)
	}
	s.tick(time.Minute)
	delete(s.live, webName)
	compare(t, d)
	if len(m.baselines) != 0 {
		t.Errorf("the object is gone, and yet %v", m.baselines)
	}
	for _, e := range m.episodes {
		if e.Open() {
			t.Errorf("the object is gone, and yet %+v", e)
		}
	}
}

// TestEpisodesOfAClockThatJumps: no onset is later than its look, no age and no
// time to repair is negative, and setting the clock makes no second episode of
// what is one drift.
func TestEpisodesOfAClockThatJumps(t *testing.T) {
	for _, by := range []time.Duration{-3 * time.Hour, 72 * time.Hour} {
		for _, restart := range []bool{false, true} {
			s, m := newServer(t), newMemory()
			s.apply("flux", web)
			open := func() *drift.Detector { return s.detector(drift.Options{Memory: m, Baselines: m}) }
			d := open()
			compare(t, d)
			s.tick(time.Minute)
			s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2" })
			s.tick(time.Minute)
			before := compare(t, d).Findings[0]
			if before.Since.After(s.now) {
				t.Errorf("onset %s, seen at %s", before.Since, s.now)
			}
			s.tick(by)
			if restart {
				d = open()
			}
			after := compare(t, d).Findings[0]
			if len(m.episodes) != 1 || !after.Since.Equal(before.Since) || after.Recurrences != 1 {
				t.Errorf("by %s: %d episodes, since %s, was %s", by, len(m.episodes), after.Since, before.Since)
			}
			if age := value(d, s.now, "driftcast_drift_age_seconds", "image"); age < 0 || by > 0 && age < by.Seconds() {
				t.Errorf("by %s: age %g s", by, age)
			}
			s.apply("flux", web)
			compare(t, d)
			for _, e := range m.episodes {
				if e.Open() || e.Until.Before(e.Since) {
					t.Errorf("by %s: since %s, until %s", by, e.Since, e.Until)
				}
			}
			if took := value(d, s.now, "driftcast_drift_repair_seconds", "image"); took < 0 {
				t.Errorf("by %s: repaired within %g s", by, took)
			}
		}
	}
}

// value is the sample of a series of the workload web; -1: there is none.
func value(d *drift.Detector, now time.Time, name, kind string) float64 {
	for _, s := range d.Sample(now)[name] {
		if s.Labels.Value("workload") == "web" && s.Labels.Value("kind") == kind {
			return s.Values[0]
		}
	}
	return -1
}

// TestUnknownIsNotClean: what could not be compared has no sample of 0, and no
// episode ends by it.
func TestUnknownIsNotClean(t *testing.T) {
	s, m := newServer(t), newMemory()
	s.clientApply(web)
	src := s.manifests(web)
	d := s.detector(drift.Options{Sources: []drift.Source{src}, Memory: m})
	compare(t, d)
	if got := value(d, s.now, "driftcast_drift_drifted", "image"); got != 0 {
		t.Fatalf("drifted is %g, want 0", got)
	}
	src.err = errors.New("git: nobody answers")
	report := compare(t, d)
	expect(t, report, "unknown Deployment/team/web: what is declared may be old: git: nobody answers")
	if len(report.Problems) != 1 || value(d, s.now, "driftcast_drift_drifted", "image") != -1 || value(d, s.now, "driftcast_drift_unknown", "") != 1 {
		t.Errorf("problems %v, samples %v", report.Problems, d.Sample(s.now))
	}
	src.err = nil
	s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2" })
	compare(t, d)
	src.err = errors.New("git: nobody answers")
	if got := compare(t, d); got.Count(drift.Drifted) != 1 {
		t.Errorf("got %v, want it drifted still: that is known", drifted(got))
	}
	src.err, src.list[0].Object.Version = nil, "v1beta1"
	s.container("flux", webName, func(c map[string]any) { c["image"] = "web:1" })
	expect(t, compare(t, d), "unknown Deployment/team/web: declared as version v1beta1 and watched as v1: declare that version, or turn the dry run on")
	for _, e := range m.episodes {
		if !e.Open() {
			t.Errorf("nothing was concluded, and yet %+v", e)
		}
	}
}

// TestMemoryFails: what could not be kept is an error, and is offered again.
func TestMemoryFails(t *testing.T) {
	s, m := newServer(t), newMemory()
	s.apply("flux", web)
	d := s.detector(drift.Options{Memory: m, Baselines: m})
	compare(t, d)
	s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = "web:2" })
	m.fail = errors.New("disk full")
	if _, err := d.Compare(t.Context()); err == nil || !strings.Contains(err.Error(), "keep episodes: disk full") {
		t.Fatalf("got %v", err)
	}
	if list := d.Sample(s.now); len(list) != 1 {
		t.Errorf("nothing is known now, and yet %v", list)
	}
	m.fail = nil
	compare(t, d)
	if len(m.episodes) != 1 {
		t.Errorf("%d episodes kept, want 1", len(m.episodes))
	}
}

// node makes one of a pool.
func (s *server) node(name, pool, driver string, more ...string) {
	labels := fmt.Sprintf(`{node.kubernetes.io/instance-type: %s, nvidia.com/cuda.driver-version.full: "%s"`, pool, driver)
	for _, l := range more {
		labels += ", " + l
	}
	s.create("kubelet", s.object(`{apiVersion: v1, kind: Node, metadata: {name: `+name+`, labels: `+labels+`}}, status: {nodeInfo: {kubeletVersion: v1.37.2}}}`))
}

func TestFleet(t *testing.T) {
	for what, tt := range map[string]struct {
		nodes func(s *server)
		fleet func(f *drift.Fleet)
		want  []string
	}{
		"all agree": {nodes: func(s *server) { s.node("a", "h100", "550"); s.node("b", "h100", "550") }},
		"one differs": {nodes: func(s *server) { s.node("a", "h100", "550"); s.node("b", "h100", "550"); s.node("c", "h100", "535") },
			want: []string{`Node/c pool [version-skew] /versions/driver: "550" → "535"`}},
		"another pool may": {nodes: func(s *server) { s.node("a", "h100", "550"); s.node("b", "h100", "550"); s.node("c", "a100", "535") }},
		"two are too few": {nodes: func(s *server) { s.node("a", "h100", "550"); s.node("b", "h100", "535") },
			want: []string{"unknown Node/a: pool h100: /versions/driver differs, and 2 nodes are too few for a majority; declare it in drift.fleet.declared",
				"unknown Node/b: pool h100: /versions/driver differs, and 2 nodes are too few for a majority; declare it in drift.fleet.declared"}},
		"a tie": {nodes: func(s *server) {
			for i, driver := range []string{"550", "550", "535", "535"} {
				s.node(fmt.Sprint("n", i), "h100", driver)
			}
		}, want: []string{
			`unknown Node/n0: pool h100: no value of /versions/driver has a majority ("535" on 2 and "550" on 2 of 4 nodes); declare it in drift.fleet.declared`,
			`unknown Node/n1: pool h100: no value of /versions/driver has a majority ("535" on 2 and "550" on 2 of 4 nodes); declare it in drift.fleet.declared`,
			`unknown Node/n2: pool h100: no value of /versions/driver has a majority ("535" on 2 and "550" on 2 of 4 nodes); declare it in drift.fleet.declared`,
			`unknown Node/n3: pool h100: no value of /versions/driver has a majority ("535" on 2 and "550" on 2 of 4 nodes); declare it in drift.fleet.declared`}},
		"declared": {nodes: func(s *server) { s.node("a", "h100", "550"); s.node("b", "h100", "535") },
			fleet: func(f *drift.Fleet) {
				f.Declared = []drift.FleetDefined{{Pool: "h*", Versions: map[string]string{"driver": "535"}, Labels: map[string]string{"team": "x"}}}
			},
			want: []string{`Node/a pool [label-skew] /metadata/labels/team: "x" → absent`, `Node/a pool [version-skew] /versions/driver: "535" → "550"`,
				`Node/b pool [label-skew] /metadata/labels/team: "x" → absent`}},
		"a label is missing": {nodes: func(s *server) {
			s.node("a", "h100", "550", "nvidia.com/mig.config: all", "nvidia.com/gfd.timestamp: '1'")
			s.node("b", "h100", "550", "nvidia.com/mig.config: all", "nvidia.com/gfd.timestamp: '2'")
			s.node("c", "h100", "550")
		}, want: []string{`Node/c pool [label-skew] /metadata/labels/nvidia.com~1mig.config: "all" → absent`}},
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer(t)
			tt.nodes(s)
			c := drift.DefaultConfig()
			if tt.fleet != nil {
				tt.fleet(&c.Fleet)
			}
			expect(t, compare(t, s.detector(drift.Options{Config: c})), tt.want...)
		})
	}
}

// TestStatus: a generation that nobody has seen for ten minutes, and GPUs that
// are there and not to be had.
func TestStatus(t *testing.T) {
	s := newServer(t)
	s.apply("flux", web)
	s.live[webName].SetGeneration(3)
	if err := unstructured.SetNestedField(s.live[webName].Object, int64(2), "status", "observedGeneration"); err != nil {
		t.Fatal(err)
	}
	s.create("kubelet", s.object(`{apiVersion: v1, kind: Node, metadata: {name: gpu}, status: {capacity: {cpu: '8', nvidia.com/gpu: '8'}, allocatable: {cpu: '7', nvidia.com/gpu: '6'}}}`))
	d := s.detector(drift.Options{})
	gpus := `Node/gpu status [resources] /status/allocatable/nvidia.com~1gpu: 8 → 6`
	s.tick(9 * time.Minute)
	expect(t, compare(t, d), gpus)
	s.tick(time.Minute)
	expect(t, compare(t, d), `Deployment/team/web status [unobserved] /status/observedGeneration: 3 → 2`, gpus)
}

type announced []string

func (a *announced) Announce(_ context.Context, object cluster.Ref, uid, kind, reason, note string) error {
	if len(note) > 1024 || !utf8.ValidString(note) || uid == "" {
		return fmt.Errorf("note of %d bytes for %q", len(note), uid)
	}
	*a = append(*a, fmt.Sprintf("%s %s %s", object, kind, reason))
	return nil
}

// TestAnnounce: one Event a change of verdict, and none where nobody asked.
func TestAnnounce(t *testing.T) {
	for _, events := range []bool{false, true} {
		s, told := newServer(t), &announced{}
		s.apply("flux", web)
		c := drift.DefaultConfig()
		c.Events = events
		d := s.detector(drift.Options{Config: c, Announcer: told})
		compare(t, d)
		for range 3 {
			s.tick(time.Minute)
			s.container("kubectl-set", webName, func(c map[string]any) { c["image"] = strings.Repeat("ü", 2000) })
			compare(t, d)
		}
		s.tick(time.Minute)
		s.apply("flux", web)
		compare(t, d)
		var want []string
		if events {
			want = []string{"Deployment/team/web Warning Drifted", "Deployment/team/web Normal DriftRepaired"}
		}
		if !slices.Equal(*told, want) {
			t.Errorf("events %t: told %q, want %q", events, *told, want)
		}
	}
}

// TestMetrics: what is sampled can be scraped, too.
func TestMetrics(t *testing.T) {
	s, r := newServer(t), prometheus.NewPedanticRegistry()
	s.apply("flux", web)
	s.node("a", "h100", "550")
	d := s.detector(drift.Options{Registry: r})
	if families, err := r.Gather(); err != nil || len(families) != 0 {
		t.Errorf("nothing was compared, and yet %v, %v", families, err)
	}
	compare(t, d)
	s.scale("kubectl", webName, 5)
	compare(t, d)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := d.Sample(s.now)
	if len(families) != len(samples) {
		t.Errorf("%d metrics, %d series", len(families), len(samples))
	}
	for _, f := range families {
		if len(f.GetMetric()) != len(samples[f.GetName()]) || f.GetHelp() == "" {
			t.Errorf("%s: %d scraped, %d sampled", f.GetName(), len(f.GetMetric()), len(samples[f.GetName()]))
		}
	}
}
