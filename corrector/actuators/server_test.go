package actuators_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/corrector/actuators"
	"github.com/driftcast/driftcast/corrector/actuators/actuatortest"
)

// server is a small API server: objects by path, merge patches that hold for one
// UID and resourceVersion, dry runs, evictions, and roles. Unlike client-go's
// fakes it keeps preconditions and dry runs. It knows no server-side apply.
type server struct {
	declared actuatortest.Declared
	*httptest.Server
	mu       sync.Mutex
	objects  map[string]map[string]any // by path, /api/v1/nodes/gpu-17
	version  int
	writes   int                   // that changed something
	evicted  []string              // pods, in order
	readOnly bool                  // a role allows reading only
	budget   func(pod string) bool // whether a PodDisruptionBudget forbids evicting a pod
	before   func(r *http.Request) // what somebody else does meanwhile
}

func newServer(t *testing.T, manifests ...string) *server {
	s := &server{objects: map[string]map[string]any{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	for _, text := range manifests {
		s.add(t, text)
	}
	return s
}

var kinds = map[string]string{
	"Node": "/api/v1/nodes", "Namespace": "/api/v1/namespaces", "Pod": "/api/v1/pods", "ConfigMap": "/api/v1/configmaps",
	"Deployment": "/apis/apps/v1/deployments", "StatefulSet": "/apis/apps/v1/statefulsets", "ReplicaSet": "/apis/apps/v1/replicasets",
	"ControllerRevision": "/apis/apps/v1/controllerrevisions", "Job": "/apis/batch/v1/jobs", "Remedy": "/apis/remedy.test/v1/remedies",
	"PodDisruptionBudget":     "/apis/policy/v1/poddisruptionbudgets",
	"HorizontalPodAutoscaler": "/apis/autoscaling/v2/horizontalpodautoscalers",
}

// path is where an object is served.
func path(kind, namespace, name string) string {
	all := kinds[kind]
	if namespace == "" {
		return all + "/" + name
	}
	i := strings.LastIndex(all, "/")
	return all[:i] + "/namespaces/" + namespace + all[i:] + "/" + name
}

func (s *server) add(t *testing.T, manifest string) {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &o); err != nil {
		t.Fatal(err, manifest)
	}
	m := o["metadata"].(map[string]any)
	namespace, _ := m["namespace"].(string)
	s.keep(path(o["kind"].(string), namespace, m["name"].(string)), o)
}

func (s *server) keep(at string, o map[string]any) {
	s.version++
	m := o["metadata"].(map[string]any)
	m["resourceVersion"] = fmt.Sprint(s.version)
	if m["uid"] == nil {
		m["uid"] = "uid-" + fmt.Sprint(m["name"])
	}
	s.objects[at] = o
}

func (s *server) object(kind, namespace, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path(kind, namespace, name)]
}

// patch is what somebody else does.
func (s *server) patch(kind, namespace, name, patch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patchLocked(path(kind, namespace, name), patch)
}

func (s *server) patchLocked(at, patch string) {
	var body map[string]any
	if err := yaml.Unmarshal([]byte(patch), &body); err != nil {
		panic(err)
	}
	s.keep(at, merged(s.objects[at], body).(map[string]any))
}

// actuators connects to the server.
func (s *server) actuators(t *testing.T) map[string]corrector.Actuator {
	t.Helper()
	clients, err := actuators.ConnectTo(restOf(s))
	if err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	for kind, at := range kinds {
		parts := strings.Split(strings.Trim(at, "/"), "/")
		group := schema.GroupVersion{Version: parts[1]}
		if parts[0] == "apis" {
			group = schema.GroupVersion{Group: parts[1], Version: parts[2]}
		}
		scope := meta.RESTScopeNamespace
		if kind == "Node" || kind == "Namespace" {
			scope = meta.RESTScopeRoot
		}
		resource := group.WithResource(parts[len(parts)-1])
		mapper.AddSpecific(group.WithKind(kind), resource, group.WithResource(strings.ToLower(kind)), scope)
	}
	clients.Mapper = mapper
	all, err := actuators.Kubernetes(actuators.Options{Clients: clients, Manifests: &s.declared, Now: func() time.Time { return start }, Poll: time.Millisecond, Pass: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before(r)
	}
	var body map[string]any
	if r.Method != http.MethodGet {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}
	options, _ := body["deleteOptions"].(map[string]any)
	dry := r.URL.Query().Get("dryRun") != "" || options["dryRun"] != nil
	resource := resourceOf(r.URL.Path)
	if s.readOnly && r.Method != http.MethodGet {
		s.refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, resource+" is forbidden")
		return
	}
	at, sub := r.URL.Path, ""
	if i := strings.LastIndex(at, "/"); at[i+1:] == "status" || at[i+1:] == "eviction" {
		at, sub = at[:i], at[i+1:]
	}
	_, found := s.objects[at]
	switch {
	case strings.Contains(at, "/events"):
		answer(w, body)
	case strings.HasSuffix(at, "/selfsubjectaccessreviews"):
		attributes := body["spec"].(map[string]any)["resourceAttributes"].(map[string]any)
		body["status"] = map[string]any{"allowed": attributes["resource"] == "nodes"}
		answer(w, body)
	case r.Method == http.MethodPost && sub == "":
		s.create(w, at, body, dry)
	case r.Method == http.MethodGet && !found && slices.ContainsFunc(slices.Collect(values(kinds)), func(all string) bool {
		return all[strings.LastIndex(all, "/"):] == at[strings.LastIndex(at, "/"):]
	}):
		s.list(w, r, at)
	case !found:
		s.refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, at+" not found")
	case sub == "eviction":
		s.evict(w, at, dry)
	case r.Method == http.MethodGet:
		answer(w, s.objects[at])
	case r.Method == http.MethodDelete:
		delete(s.objects, at)
		s.writes++
		answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	case r.Method == http.MethodPatch:
		s.merge(w, at, sub, body, dry)
	}
}

func values(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// resourceOf names a path's resource: deployments.
func resourceOf(at string) string {
	for _, all := range kinds {
		if resource := all[strings.LastIndex(all, "/")+1:]; strings.Contains(at, "/"+resource) && resource != "namespaces" {
			return resource
		}
	}
	return at
}

func (s *server) create(w http.ResponseWriter, all string, body map[string]any, dry bool) {
	name := body["metadata"].(map[string]any)["name"].(string)
	if s.objects[all+"/"+name] != nil {
		s.refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists, name+" already exists")
		return
	}
	body["metadata"].(map[string]any)["creationTimestamp"] = start.Format(time.RFC3339)
	if !dry {
		s.writes++
		s.keep(all+"/"+name, body)
	}
	answer(w, body)
}

func (s *server) list(w http.ResponseWriter, r *http.Request, at string) {
	selector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
	resource, namespace := at[strings.LastIndex(at, "/"):], ""
	if _, rest, ok := strings.Cut(at, "/namespaces/"); ok {
		namespace, _, _ = strings.Cut(rest, "/")
	}
	node := strings.TrimPrefix(r.URL.Query().Get("fieldSelector"), "spec.nodeName=")
	items := []any{}
	for key, o := range s.objects {
		m := o["metadata"].(map[string]any)
		set := labels.Set{}
		if l, ok := m["labels"].(map[string]any); ok {
			for name, value := range l {
				set[name] = fmt.Sprint(value)
			}
		}
		spec, _ := o["spec"].(map[string]any)
		if strings.Contains(key, resource+"/") && (namespace == "" || m["namespace"] == namespace) && selector.Matches(set) && (node == "" || spec["nodeName"] == node) {
			items = append(items, o)
		}
	}
	for kind, all := range kinds {
		if strings.HasSuffix(all, resource) {
			group := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(all, resource), "/apis/"), "/api/")
			answer(w, map[string]any{"kind": kind + "List", "apiVersion": group, "items": items})
		}
	}
}

func (s *server) evict(w http.ResponseWriter, at string, dry bool) {
	name := at[strings.LastIndex(at, "/")+1:]
	if s.budget != nil && s.budget(name) {
		status := metav1.Status{Status: "Failure", Code: http.StatusTooManyRequests, Reason: metav1.StatusReasonTooManyRequests,
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "DisruptionBudget", Message: "The disruption budget keep needs 2 healthy pods and has 2 currently"}}}}
		status.Kind, status.APIVersion = "Status", "v1"
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_ = json.NewEncoder(w).Encode(status)
		return
	}
	if !dry {
		s.writes++
		s.evicted = append(s.evicted, name)
		delete(s.objects, at)
	}
	answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

func (s *server) merge(w http.ResponseWriter, at, sub string, patch map[string]any, dry bool) {
	m := s.objects[at]["metadata"].(map[string]any)
	want := patch["metadata"].(map[string]any)
	if want["uid"] != m["uid"] || want["resourceVersion"] != m["resourceVersion"] {
		s.refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified")
		return
	}
	if sub == "status" {
		delete(patch, "spec")
	} else {
		delete(patch, "status")
	}
	after := merged(s.objects[at], patch).(map[string]any)
	if !dry && !reflect.DeepEqual(after, s.objects[at]) {
		s.writes++
		s.keep(at, after)
	}
	answer(w, after)
}

// merged is RFC 7386.
func merged(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if t, ok := target.(map[string]any); ok {
		for key, value := range t {
			out[key] = value
		}
	}
	for key, value := range p {
		if value == nil {
			delete(out, key)
			continue
		}
		out[key] = merged(out[key], value)
		if list, ok := out[key].([]any); ok && len(list) == 0 {
			delete(out, key) // as omitempty does
		}
	}
	return out
}

func (s *server) refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

func answer(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
