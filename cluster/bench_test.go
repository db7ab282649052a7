package cluster_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/cluster"
)

// crowd makes n objects as large clusters have them: of a hundred, 70 are pods,
// 12 ReplicaSets, 6 Deployments, 6 ConfigMaps, 5 Services and a node.
func crowd(t testing.TB, n int) []*unstructured.Unstructured {
	const managed = `"managedFields":[{"manager":"helm","operation":"Apply","apiVersion":"apps/v1","time":"2026-11-01T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:resources":{"f:limits":{"f:cpu":{},"f:memory":{}}}}}}}}}},{"manager":"kube-controller-manager","operation":"Update","apiVersion":"apps/v1","time":"2026-11-01T10:01:00Z","fieldsType":"FieldsV1","subresource":"status","fieldsV1":{"f:status":{"f:availableReplicas":{},"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:status":{}}},"f:observedGeneration":{},"f:replicas":{}}}}]`
	const template = `{"metadata":{"labels":{"app":"a%d"}},"spec":{"containers":[{"name":"c","image":"registry.test/app:v%d","args":["--listen=:8080","--config=/etc/app/config.yml"],"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{"limits":{"cpu":"2","memory":"4Gi"},"requests":{"cpu":"1","memory":"2Gi"}},"livenessProbe":{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"periodSeconds":10},"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{}}}`
	out := make([]*unstructured.Unstructured, 0, n)
	for i := range n {
		meta := func(kind string) string {
			return fmt.Sprintf(`"name":"%s-%d","namespace":"ns-%d","uid":"00000000-0000-0000-0000-%012d","resourceVersion":"%d","generation":1,"creationTimestamp":"2026-11-01T10:00:00Z","labels":{"app":"a%d"},%s`, kind, i, i%50, i, i, i/100, managed)
		}
		pods := fmt.Sprintf(template, i/100, i/100)
		var text string
		switch k := i % 100; {
		case k < 70:
			text = fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{%s,"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"d-%d-5d4f","uid":"u","controller":true}]},"spec":%s,"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-01T10:00:00Z"},{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"c","restartCount":1,"imageID":"registry.test/app@sha256:%064d","state":{"running":{}}}]}}`, meta("p"), i/100*100+82+i%6, pods, i/100)
		case k < 82:
			text = fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{%s,"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"d-%d","uid":"u","controller":true}]},"spec":{"replicas":3,"template":%s},"status":{"replicas":3}}`, meta("d"), i/100*100+82+i%6, pods)
		case k < 88:
			text = fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{%s,"annotations":{"deployment.kubernetes.io/revision":"2"}},"spec":{"replicas":3,"template":%s},"status":{"replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3,"observedGeneration":1}}`, meta("d"), pods)
		case k < 94:
			text = fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{%s},"data":{"config.yml":"listen: :8080\nlog: info\nlimit: 10\n","extra":"x"}}`, meta("cm"))
		case k < 99:
			text = fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{%s},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"a"}}}`, meta("s"))
		default:
			text = fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{%s},"spec":{"taints":[{"key":"gpu","effect":"NoSchedule"}]},"status":{"capacity":{"cpu":"96","memory":"1Ti","nvidia.com/gpu":"8","pods":"110"},"allocatable":{"cpu":"95","memory":"1Ti","nvidia.com/gpu":"8","pods":"110"},"conditions":[{"type":"Ready","status":"True"},{"type":"DiskPressure","status":"False"},{"type":"MemoryPressure","status":"False"},{"type":"PIDPressure","status":"False"}],"nodeInfo":{"kubeletVersion":"v1.37.2","kernelVersion":"6.8","containerRuntimeVersion":"containerd://2"}}}`, meta("n"))
		}
		value, err := cluster.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &unstructured.Unstructured{Object: value.(map[string]any)})
	}
	return out
}

func BenchmarkTransform(b *testing.B) {
	objects := crowd(b, 1000)
	tr := transform()
	b.ReportAllocs()
	for b.Loop() {
		for _, u := range objects {
			if _, err := tr.Object(u); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(objects)), "ns/object")
}

func BenchmarkDiff(b *testing.B) {
	objects := crowd(b, 90)
	before, err := transform().Object(objects[85])
	if err != nil {
		b.Fatal(err)
	}
	objects[85].Object["spec"].(map[string]any)["replicas"] = int64(4)
	after, err := transform().Object(objects[85])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if edits, err := cluster.Diff(before.Body, after.Body); err != nil || len(edits) != 1 {
			b.Fatal(edits, err)
		}
	}
}

// BenchmarkSample samples 10,000 objects, and says how much heap they take.
func BenchmarkSample(b *testing.B) {
	c, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: kubeconfig(b, "http://127.0.0.1:1")})
	if err != nil {
		b.Fatal(err)
	}
	o, err := cluster.New(cluster.Options{Connection: c, Salt: salt, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	empty := heap()
	for _, u := range crowd(b, 10_000) {
		object, err := o.Transform().Object(u)
		if err != nil {
			b.Fatal(err)
		}
		o.See(nil, object)
	}
	full := heap()
	series := 0
	for b.Loop() {
		sample, err := o.Sample(b.Context(), noon)
		if err != nil {
			b.Fatal(err)
		}
		series = 0
		for _, s := range sample {
			series += len(s)
		}
	}
	b.ReportMetric(float64(series), "series")
	b.ReportMetric((full-empty)/(1<<20), "heap-MiB")
}
