package drift_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// server keeps objects as an API server does, with the real field manager behind
// them, so that managedFields are what they would be. It has no admission, and
// the defaults that a test gives it.
type server struct {
	t         tester
	now       time.Time
	converter managedfields.TypeConverter
	transform cluster.Transform
	live      map[string]*unstructured.Unstructured
	ready     error
	version   int
}

var _ drift.Objects = (*server)(nil)

func newServer(t tester) *server {
	return &server{
		t: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), live: map[string]*unstructured.Unstructured{},
		converter: applyconfigurations.NewTypeConverter(scheme.Scheme),
		transform: cluster.Transform{Redactor: cluster.NewRedactor([]byte("0123456789abcdef")), Versions: cluster.DefaultVersions()},
	}
}

func (s *server) Ready() error { return s.ready }

// Objects implements drift.Objects.
func (s *server) Objects() iter.Seq[*cluster.Object] {
	return func(yield func(*cluster.Object) bool) {
		for _, name := range slices.Sorted(maps.Keys(s.live)) {
			o, err := s.transform.Object(s.live[name])
			if err != nil {
				s.t.Fatal(err)
			}
			if !yield(o) {
				return
			}
		}
	}
}

// object reads YAML.
func (s *server) object(text string) *unstructured.Unstructured {
	s.t.Helper()
	body, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		s.t.Fatalf("%v\n%s", err, text)
	}
	return u
}

func name(u *unstructured.Unstructured) string {
	return u.GetKind() + "/" + u.GetNamespace() + "/" + u.GetName()
}

func (s *server) fields(u *unstructured.Unstructured) *managedfields.FieldManager {
	return managedfieldstest.NewFakeFieldManager(s.converter, u.GroupVersionKind())
}

// apply is kubectl apply --server-side --force-conflicts.
func (s *server) apply(manager, text string) {
	s.t.Helper()
	u := s.object(text)
	live, ok := s.live[name(u)]
	if !ok {
		live = &unstructured.Unstructured{}
		live.SetGroupVersionKind(u.GroupVersionKind())
	}
	next, err := s.fields(u).Apply(live, u, manager, true)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(next.(*unstructured.Unstructured), live)
}

// clientApply is kubectl apply without --server-side, of an object that is new or
// whose lists have no new items.
func (s *server) clientApply(text string) {
	s.t.Helper()
	u := s.object(text)
	body, err := json.Marshal(u.Object)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, ok := s.live[name(u)]; !ok {
		s.create("kubectl-client-side-apply", u)
	}
	s.update("kubectl-client-side-apply", name(u), func(o *unstructured.Unstructured) {
		merge(o.Object, u.Object)
		annotations := o.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(body)
		o.SetAnnotations(annotations)
	})
}

func merge(into, from map[string]any) {
	for key, value := range from {
		inner, ok := value.(map[string]any)
		there, both := into[key].(map[string]any)
		if ok && both {
			merge(there, inner)
			continue
		}
		into[key] = value
	}
}

// create is a POST.
func (s *server) create(manager string, u *unstructured.Unstructured) {
	s.t.Helper()
	empty := &unstructured.Unstructured{}
	empty.SetGroupVersionKind(u.GroupVersionKind())
	next, err := s.fields(u).Update(empty, u.DeepCopy(), manager)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(next.(*unstructured.Unstructured), empty)
}

// update is a PUT or a PATCH that is no apply.
func (s *server) update(manager, name string, change func(u *unstructured.Unstructured)) {
	s.t.Helper()
	live := s.live[name]
	next := live.DeepCopy()
	change(next)
	out, err := s.fields(live).Update(live, next, manager)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(out.(*unstructured.Unstructured), live)
}

// set changes one field in place.
func (s *server) set(manager, name string, value any, path ...string) {
	s.t.Helper()
	s.update(manager, name, func(u *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
			s.t.Fatal(err)
		}
	})
}

// container changes the first container.
func (s *server) container(manager, name string, change func(c map[string]any)) {
	s.t.Helper()
	s.update(manager, name, func(u *unstructured.Unstructured) {
		list, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		if err != nil || len(list) == 0 {
			s.t.Fatalf("no containers in %s: %v", name, err)
		}
		change(list[0].(map[string]any))
		if err := unstructured.SetNestedSlice(u.Object, list, "spec", "template", "spec", "containers"); err != nil {
			s.t.Fatal(err)
		}
	})
}

// scale is the scale subresource's entry in managedFields, as the server makes it.
func (s *server) scale(manager, name string, replicas int64) {
	s.t.Helper()
	s.set(manager, name, replicas, "spec", "replicas")
	u := s.live[name]
	entries := u.GetManagedFields()
	for i := range entries {
		if entries[i].Manager == manager && entries[i].Operation == metav1.ManagedFieldsOperationUpdate {
			entries[i].Subresource = "scale"
		}
	}
	u.SetManagedFields(entries)
}

// keep stores an object, and gives what the operation touched the server's time.
func (s *server) keep(u, before *unstructured.Unstructured) {
	s.version++
	u.SetResourceVersion(fmt.Sprint(s.version))
	if u.GetUID() == "" {
		u.SetUID(types.UID(fmt.Sprint("uid-", s.version)))
		u.SetCreationTimestamp(metav1.NewTime(s.now))
	}
	entries := u.GetManagedFields()
	for i := range entries {
		if old := time.Since(entries[i].Time.Time); old < time.Hour { // of the real clock: new
			at := metav1.NewTime(s.now)
			entries[i].Time = &at
		}
	}
	u.SetManagedFields(entries)
	s.live[name(u)] = u
}

// defaults puts values into an object that nobody owns, as defaulting does.
func (s *server) defaults(name string, change func(u *unstructured.Unstructured)) {
	change(s.live[name])
}

func (s *server) tick(d time.Duration) { s.now = s.now.Add(d) }

// detector returns one that sees this server.
func (s *server) detector(o drift.Options) *drift.Detector {
	s.t.Helper()
	o.Objects, o.Now = s, func() time.Time { return s.now }
	if o.Config.Interval == 0 {
		o.Config = drift.DefaultConfig()
	}
	d, err := drift.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func compare(t tester, d *drift.Detector) drift.Report {
	t.Helper()
	report, err := d.Compare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// drifted lists what drifted, as "Kind/ns/name path kind declared → live by manager".
func drifted(r drift.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		if f.Verdict == drift.Unknown {
			out = append(out, "unknown "+f.Object.String()+": "+f.Reason)
		}
		for _, d := range f.Differences {
			out = append(out, fmt.Sprintf("%s %s [%s] %s", f.Object, f.Source, d.Kind, d.Words()))
		}
	}
	slices.Sort(out)
	return out
}

// source is a Source from YAML.
type source struct {
	list []drift.Declaration
	err  error
}

func (s *source) Declarations(context.Context) ([]drift.Declaration, error) { return s.list, s.err }

func (s *server) manifests(texts ...string) *source {
	s.t.Helper()
	out := &source{}
	for _, text := range texts {
		o, err := s.transform.Object(s.object(text))
		if err != nil {
			s.t.Fatal(err)
		}
		out.list = append(out.list, drift.Declaration{Object: o.Ref, Body: o.Body, Source: drift.SourceDirectory, Origin: "team: web.yaml:1", Revision: "abc123"})
	}
	return out
}

func expect(t *testing.T, got drift.Report, lines ...string) {
	t.Helper()
	if list := drifted(got); !slices.Equal(list, append([]string{}, lines...)) {
		t.Errorf("got\n%s\nwant\n%s", join(list), join(lines))
	}
}

func join(lines []string) (out string) {
	for _, l := range lines {
		out += "  " + l + "\n"
	}
	return out
}
