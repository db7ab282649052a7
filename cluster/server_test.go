package cluster_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

// server is an API server as far as lists and watches go: resource versions, a
// log of events that can be compacted, bookmarks, watches that can be cut.
type server struct {
	*httptest.Server
	mu        sync.Mutex
	version   int
	compacted int
	objects   map[string]map[string]any // by path/namespace/name
	log       []entry
	changed   chan struct{} // closed at every change
	cut       chan struct{} // closed to end all watches
	status    map[string]int
	requests  map[string]int
	skew      time.Duration
}

type entry struct {
	version int
	path    string
	kind    string
	object  map[string]any
}

func newServer(t testing.TB) *server {
	s := &server{
		version: 100, objects: map[string]map[string]any{}, changed: make(chan struct{}), cut: make(chan struct{}),
		status: map[string]int{}, requests: map[string]int{},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.sever(); s.Close() })
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status := s.status[r.URL.Path]
	s.requests[r.URL.Path]++
	skew := s.skew
	s.mu.Unlock()
	w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	query := r.URL.Query()
	switch {
	case status != 0:
		reply(w, status)
	case r.URL.Path == "/version":
		fmt.Fprint(w, `{"gitVersion":"v1.37.2"}`)
	case strings.Contains(r.URL.Path, "argoproj.io") || strings.Contains(r.URL.Path, "fluxcd.io"):
		reply(w, http.StatusNotFound)
	case query.Get("watch") == "true" || query.Get("watch") == "1":
		s.watch(w, r, query.Get("sendInitialEvents") == "true", query.Get("resourceVersion"))
	default:
		s.list(w, r.URL.Path)
	}
}

func reply(w http.ResponseWriter, status int) {
	reason := map[int]string{403: "Forbidden", 404: "NotFound", 410: "Expired", 500: "InternalError"}[status]
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"no"}`, reason, status)
}

func (s *server) list(w http.ResponseWriter, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, path+"//") {
			items = append(items, s.objects[key])
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": strconv.Itoa(s.version)}, "items": items})
}

func (s *server) watch(w http.ResponseWriter, r *http.Request, initial bool, since string) {
	encoder := json.NewEncoder(w)
	send := func(kind string, object any) {
		_ = encoder.Encode(map[string]any{"type": kind, "object": object})
		w.(http.Flusher).Flush()
	}
	at, _ := strconv.Atoi(since)
	s.mu.Lock()
	cut := s.cut
	if at < s.compacted && !initial {
		s.mu.Unlock()
		send("ERROR", map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"})
		return
	}
	if initial {
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if strings.HasPrefix(key, r.URL.Path+"//") {
				send("ADDED", s.objects[key])
			}
		}
		at = s.version
		send("BOOKMARK", map[string]any{"kind": "Bookmark", "apiVersion": "v1", "metadata": map[string]any{
			"resourceVersion": strconv.Itoa(at), "annotations": map[string]any{"k8s.io/initial-events-end": "true"}}})
	}
	s.mu.Unlock()
	w.(http.Flusher).Flush()
	for {
		s.mu.Lock()
		for _, e := range s.log {
			if e.version > at && e.path == r.URL.Path {
				send(e.kind, e.object)
			}
		}
		at = s.version
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// put writes an object as a client would, silent: no watch hears of it.
func (s *server) put(t testing.TB, path, text string, silent bool) {
	t.Helper()
	u := object(t, text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	key := path + "//" + u.GetNamespace() + "/" + u.GetName()
	kind := "ADDED"
	if s.objects[key] != nil {
		kind = "MODIFIED"
	}
	u.SetResourceVersion(strconv.Itoa(s.version))
	s.objects[key] = u.Object
	s.tell(entry{s.version, path, kind, u.Object}, silent)
}

func (s *server) remove(path, key string, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	gone := s.objects[path+"//"+key]
	delete(s.objects, path+"//"+key)
	s.tell(entry{s.version, path, "DELETED", gone}, silent)
}

func (s *server) tell(e entry, silent bool) {
	if silent {
		s.compacted = s.version
		return
	}
	s.log = append(s.log, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

// sever ends every watch.
func (s *server) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

func (s *server) answer(path string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[path] = status
}

func (s *server) connect(t testing.TB) *cluster.Connection {
	t.Helper()
	c, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: kubeconfig(t, s.URL), QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
