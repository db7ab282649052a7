package cluster_test

import (
	"testing"
	"time"

	"github.com/driftcast/driftcast/cluster"
)

func TestWhoSetAField(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 11, day, 10, 0, 0, 0, time.UTC) }
	helm := cluster.Manager{Name: "helm", Operation: "Apply", Time: at(1), Fields: []byte(`{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:value":{}}}}}}}}}`)}
	kubectl := cluster.Manager{Name: "kubectl", Operation: "Update", Time: at(3), Fields: []byte(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{"f:image":{}}}}}},"f:metadata":{"f:labels":{"f:a/b":{}}}}`)}
	older := cluster.Manager{Name: "older", Operation: "Update", Time: at(2), Fields: kubectl.Fields}
	status := cluster.Manager{Name: "controller", Operation: "Update", Subresource: "status", Time: at(9), Fields: []byte(`{"f:spec":{"f:replicas":{}}}`)}
	atomic := cluster.Manager{Name: "vpa", Operation: "Apply", Time: at(4), Fields: []byte(`{"f:spec":{"f:selector":{}}}`)}
	broken := cluster.Manager{Name: "broken", Operation: "Update", Time: at(9), Fields: []byte(`{"f:spec":`)}
	ports := cluster.Manager{Name: "mesh", Operation: "Update", Time: at(5), Fields: []byte(`{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:targetPort":{}}}}}`)}
	for name, c := range map[string]struct {
		before, after    string
		managers, former []cluster.Manager
		want             string
	}{
		"its owner":              {`{"spec":{"replicas":1}}`, `{"spec":{"replicas":2}}`, []cluster.Manager{helm, kubectl, status, broken}, nil, "helm"},
		"the last of two owners": {img("a"), img("b"), []cluster.Manager{helm, older, kubectl}, nil, "kubectl"},
		"a label with a slash":   {`{"metadata":{"labels":{"a/b":"1"}}}`, `{"metadata":{"labels":{"a/b":"2"}}}`, []cluster.Manager{helm, kubectl}, nil, "kubectl"},
		"below an atomic field":  {`{"spec":{"selector":{"x":"1"}}}`, `{"spec":{"selector":{"x":"2"}}}`, []cluster.Manager{helm, atomic}, nil, "vpa"},
		"an item by two keys":    {`{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":1}]}}`, `{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":2}]}}`, []cluster.Manager{helm, ports}, nil, "mesh"},
		"whoever took it away":   {`{"spec":{"paused":true}}`, `{"spec":{}}`, []cluster.Manager{helm, kubectl}, []cluster.Manager{helm}, "kubectl"},
		"nobody tells":           {`{"spec":{"paused":true}}`, `{"spec":{}}`, []cluster.Manager{helm}, []cluster.Manager{helm}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			edits, err := cluster.Diff([]byte(c.before), []byte(c.after))
			if err != nil || len(edits) != 1 {
				t.Fatal(edits, err)
			}
			if got, _ := cluster.Author(c.managers, c.former, edits[0]); got.Name != c.want {
				t.Errorf("got %q, want %q", got.Name, c.want)
			}
		})
	}
}

func img(tag string) string {
	return `{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"` + tag + `"}]}}}}`
}

// FuzzFields reads FieldsV1 of any kind.
func FuzzFields(f *testing.F) {
	f.Add([]byte(`{"f:spec":{"k:{\"name\":1}":{},"v:1":{},"i:0":{}}}`), `{"spec":[{"name":1}]}`)
	f.Add([]byte(`{"f:containers":{"k:[]":{}}}`), `{"containers":[{"name":"c"}]}`)
	f.Fuzz(func(t *testing.T, fields []byte, body string) {
		edits, err := cluster.Diff([]byte(`{}`), []byte(body))
		if err != nil {
			t.Skip()
		}
		m := []cluster.Manager{{Name: "m", Fields: fields}}
		for _, e := range edits {
			if by, ok := cluster.Author(m, m, e); ok && by.Name != "m" {
				t.Errorf("got %q", by.Name)
			}
		}
	})
}
