package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/cluster"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story plays objects to an observer without a server.
type story struct {
	*cluster.Observer
	t    testing.TB
	now  time.Time
	last map[string]*cluster.Object
	n    *notebook
}

func tell(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, now: noon, last: map[string]*cluster.Object{}, n: &notebook{seen: map[string]cluster.Seen{}}}
	c, err := cluster.Connect(cluster.ConnectOptions{Kubeconfig: kubeconfig(t, "http://127.0.0.1:1")})
	if err != nil {
		t.Fatal(err)
	}
	s.Observer, err = cluster.New(cluster.Options{
		Connection: c, Salt: salt, Changes: s.n.take, Now: func() time.Time { return s.now }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *story) see(text string, args ...any) {
	s.t.Helper()
	o := compact(s.t, fmt.Sprintf(text, args...))
	s.See(s.last[o.String()], o)
	s.last[o.String()] = o
}

func (s *story) gone(name string) {
	s.See(s.last[name], nil)
	delete(s.last, name)
}

// value reads one series as it is now: name{labels in order}; "none" where it
// is not there.
func (s *story) value(series string) string {
	s.t.Helper()
	sample, err := s.Sample(context.Background(), s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	name, _, _ := strings.Cut(series, "{")
	for _, one := range sample["driftcast_cluster_"+name] {
		var labels []string
		for _, l := range one.Labels {
			labels = append(labels, l.Name+"="+l.Value)
		}
		if series == name+"{"+strings.Join(labels, ",")+"}" {
			if one.Times[0] != s.now.UnixMilli() {
				s.t.Errorf("%s is of %d", series, one.Times[0])
			}
			return fmt.Sprint(one.Values[0])
		}
	}
	return "none"
}

func (s *story) want(values map[string]string) {
	s.t.Helper()
	for series, want := range values {
		if got := s.value(series); got != want {
			s.t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
}

const statefulSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, uid: s1, generation: %d, managedFields: [{manager: %s, operation: Update, time: "2026-11-23T11:59:59Z", fieldsV1: {"f:spec": {"f:template": {}}}}]}
spec: {replicas: 3, template: {spec: {containers: [{name: c, image: "db:%d"}]}}}
status: {observedGeneration: %d, replicas: 3, readyReplicas: %d, availableReplicas: %[5]d, updatedReplicas: %d, currentRevision: r%d, updateRevision: r%d}
`

func TestTheStoryOfARollout(t *testing.T) {
	const w = "{namespace=shop,statefulset=db,workload=db}"
	s := tell(t)
	s.see(statefulSet, 1, "helm", 1, 1, 3, 3, 1, 1)
	s.want(map[string]string{"workload_rollout_in_progress" + w: "0", "workload_rollouts_total" + w: "0", "workload_replicas_available" + w: "3", "workload_generation" + w: "1"})
	s.now = s.now.Add(time.Minute)
	s.see(statefulSet, 2, "kubectl", 2, 1, 3, 3, 1, 1) // its controller has not seen it yet
	began := s.now
	s.now = s.now.Add(time.Minute)
	s.see(statefulSet, 2, "kubectl", 2, 2, 2, 1, 1, 2)
	s.want(map[string]string{
		"workload_rollout_in_progress" + w: "1", "workload_rollouts_total" + w: "1", "workload_rollout_started_timestamp_seconds" + w: fmt.Sprint(float64(began.Unix())),
		"workload_replicas_updated" + w: "1", "workload_rollout_info{namespace=shop,revision=r2,statefulset=db,workload=db}": "1",
		"spec_changes_total{manager=kubectl,namespace=shop,statefulset=db,workload=db}": "1",
	})
	s.now = s.now.Add(9 * time.Minute)
	if got := s.Stalls(s.now); len(got) > 0 {
		t.Errorf("stalled after 9 minutes: %v", got)
	}
	s.now = s.now.Add(2 * time.Minute)
	got := s.Stalls(s.now)
	if len(got) != 1 || got[0].Path != "/rollout/stalled" || len(s.Stalls(s.now)) != 0 {
		t.Errorf("got %v, want one that says so once", got)
	}
	s.want(map[string]string{"workload_rollout_stalled" + w: "1"})
	s.see(statefulSet, 2, "kubectl", 2, 2, 3, 3, 2, 2)
	s.want(map[string]string{
		"workload_rollout_in_progress" + w: "0", "workload_rollout_stalled" + w: "0", "workload_rollout_finished_timestamp_seconds" + w: fmt.Sprint(float64(s.now.Unix())),
	})
	s.see(statefulSet, 2, "kubectl", 2, 2, 1, 3, 2, 2) // pods that fail later are no rollout
	s.want(map[string]string{"workload_rollout_in_progress" + w: "0", "workload_replicas_ready" + w: "1"})
	s.gone("StatefulSet/shop/db")
	s.want(map[string]string{"workload_rollouts_total" + w: "none", "workload_replicas_desired" + w: "none"})
}

const podText = `
apiVersion: v1
kind: Pod
metadata: {name: web-5d-%s, namespace: shop, uid: %[1]s, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, controller: true}]}
spec: {nodeName: n1}
status:
  phase: %s
  reason: %s
  containerStatuses: [{name: c, restartCount: %d, imageID: "x@sha256:1", state: {waiting: {reason: "%s"}}, lastState: {terminated: {reason: %s, finishedAt: "2026-11-23T11:59:00Z"}}}]
`

func TestPodsAreSummedByTheirWorkload(t *testing.T) {
	const w = "{deployment=web,namespace=shop,workload=web}"
	s := tell(t)
	s.see("%s", deployment)
	s.see(podText, "a", "Running", `""`, 2, "", "Error")
	s.see(podText, "b", "Running", `""`, 0, "", `""`)
	s.see(podText, "a", "Running", `""`, 3, "CrashLoopBackOff", "OOMKilled")
	s.see(podText, "b", "Failed", "Evicted", 0, "", `""`)
	s.see(podText, "b", "Failed", "Evicted", 0, "", `""`)
	s.want(map[string]string{
		"workload_restarts_total" + w: "3", "workload_oom_kills_total" + w: "1",
		"workload_evictions_total{deployment=web,namespace=shop,reason=Evicted,workload=web}":                      "1",
		"workload_pods{deployment=web,namespace=shop,phase=Running,workload=web}":                                  "1",
		"workload_pods{deployment=web,namespace=shop,phase=Failed,workload=web}":                                   "1",
		"workload_pods{deployment=web,namespace=shop,phase=Pending,workload=web}":                                  "0",
		"workload_pods_waiting{deployment=web,namespace=shop,reason=CrashLoopBackOff,workload=web}":                "1",
		"workload_image_info{container=c,deployment=web,digest=sha256:1,image=app:v1,namespace=shop,workload=web}": "1",
		"workload_rollout_info{deployment=web,namespace=shop,revision=3,workload=web}":                             "1",
		"workload_spec_changed_timestamp_seconds" + w:                                                              fmt.Sprint(float64(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC).Unix())),
	})
}

const event = `
apiVersion: v1
kind: Event
metadata: {name: %s, namespace: shop, uid: %[1]s}
type: %s
reason: BackOff
message: "Back-off, password=hunter2"
reportingComponent: %s
count: %d
lastTimestamp: "2026-11-23T11:59:00Z"
involvedObject: {apiVersion: v1, kind: Pod, namespace: shop, name: web-5d-%s}
`

func TestWarningsOfTheClusterAreReportedOnceAWorkload(t *testing.T) {
	s := tell(t)
	s.see(podText, "a", "Running", `""`, 0, "", `""`)
	s.see(podText, "b", "Running", `""`, 0, "", `""`)
	s.see(event, "e1", "Warning", "kubelet", 1, "a")
	s.see(event, "e1", "Warning", "kubelet", 4, "a")
	s.see(event, "e2", "Warning", "kubelet", 1, "b")
	s.see(event, "e3", "Normal", "kubelet", 1, "b")
	s.see(event, "e4", "Warning", "driftcast.io/drift", 1, "b")
	s.want(map[string]string{"events_total{deployment=web,namespace=shop,reason=BackOff,workload=web}": "5"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // hand on what waits, and end
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := s.n.changes
	if len(got) != 1 || got[0].Kind != cluster.Reported || got[0].Subject.String() != "workload/shop/web" || strings.Contains(got[0].After, "hunter2") || got[0].Manager != "kubelet" {
		t.Errorf("got %+v", got)
	}
}

func TestNodesFlipAndChange(t *testing.T) {
	const text = `
apiVersion: v1
kind: Node
metadata: {name: n1, uid: n, creationTimestamp: "2026-11-01T00:00:00Z", labels: {nvidia.com/cuda.driver-version.full: "%s"}}
spec: {unschedulable: %t, taints: [{key: gpu, effect: NoSchedule}]}
status: {conditions: [{type: Ready, status: "%s", lastTransitionTime: "2026-11-23T11:5%d:00Z"}], capacity: {cpu: "8"}, allocatable: {cpu: 7500m}, nodeInfo: {kubeletVersion: v1}}
`
	s := tell(t)
	s.see(text, "580.1", false, "True", 0)
	s.see(text, "580.1", true, "False", 1)
	s.see(text, "580.2", true, "True", 2)
	s.want(map[string]string{
		"node_condition{condition=Ready,node=n1,status=true}":             "1",
		"node_condition{condition=Ready,node=n1,status=false}":            "0",
		"node_condition_flips_total{condition=Ready,node=n1}":             "2",
		"node_unschedulable{node=n1}":                                     "1",
		"node_cordons_total{node=n1}":                                     "1",
		"node_taint{effect=NoSchedule,key=gpu,node=n1}":                   "1",
		"node_capacity{node=n1,resource=cpu,unit=core}":                   "8",
		"node_allocatable{node=n1,resource=cpu,unit=core}":                "7.5",
		"node_version_info{component=driver,node=n1,version=580.2}":       "1",
		"node_version_info{component=driver,node=n1,version=580.1}":       "none",
		"node_version_since_timestamp_seconds{component=driver,node=n1}":  fmt.Sprint(float64(noon.Unix())),
		"node_version_since_timestamp_seconds{component=kubelet,node=n1}": fmt.Sprint(float64(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Unix())),
		"node_condition_since_timestamp_seconds{condition=Ready,node=n1}": fmt.Sprint(float64(time.Date(2026, 11, 23, 11, 52, 0, 0, time.UTC).Unix())),
	})
}

func TestScalersBudgetsAndDeliveries(t *testing.T) {
	s := tell(t)
	s.see(`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web, namespace: shop}, spec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: front}}, status: {desiredReplicas: 9, currentReplicas: 8, conditions: [{type: ScalingLimited, status: "True"}, {type: ScalingActive, status: "True"}]}}`)
	s.see(`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop}, status: {disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 4}}`)
	s.see(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: shop, namespace: argocd}, spec: {source: {repoURL: "https://u:hunter2@git.test/x"}}, status: {sync: {status: OutOfSync, revision: abc}, health: {status: Healthy}}}`)
	s.see(`{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps, namespace: flux, generation: 2}, status: {observedGeneration: 2, lastAppliedRevision: "main@sha1:abc", conditions: [{type: Ready, status: "True"}]}}`)
	s.see(`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: db, namespace: flux, generation: 3}, status: {observedGeneration: 2, conditions: [{type: Ready, status: "False"}]}}`)
	s.want(map[string]string{
		"horizontalpodautoscaler_replicas{bound=desired,deployment=front,horizontalpodautoscaler=web,namespace=shop,workload=front}": "9",
		"horizontalpodautoscaler_replicas{bound=min,deployment=front,horizontalpodautoscaler=web,namespace=shop,workload=front}":     "1",
		"horizontalpodautoscaler_limited{deployment=front,horizontalpodautoscaler=web,namespace=shop,workload=front}":                "1",
		"poddisruptionbudget_disruptions_allowed{namespace=shop,poddisruptionbudget=web}":                                            "1",
		"poddisruptionbudget_pods{namespace=shop,poddisruptionbudget=web,state=wanted}":                                              "2",
		"delivery_synced{application=shop,namespace=argocd,tool=argocd}":                                                             "0",
		"delivery_healthy{application=shop,namespace=argocd,tool=argocd}":                                                            "1",
		"delivery_info{health=Healthy,kustomization=apps,namespace=flux,revision=main@sha1:abc,sync=Synced,tool=flux}":               "1",
		"delivery_synced{helmrelease=db,namespace=flux,tool=flux}":                                                                   "NaN",
		"delivery_healthy{helmrelease=db,namespace=flux,tool=flux}":                                                                  "0",
	})
}

func TestEverySeriesIsDescribed(t *testing.T) {
	s := tell(t)
	s.see("%s", deployment)
	s.see(podText, "a", "Running", `""`, 2, "", "Error")
	s.see("%s", node("n1", "True"))
	sample, err := s.Sample(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, d := range cluster.Described() {
		if described[d.Name] || d.Counter != strings.HasSuffix(d.Name, "_total") || d.Help == "" {
			t.Errorf("%+v", d)
		}
		described[d.Name] = true
	}
	for name, series := range sample {
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
		seen := map[string]bool{}
		for _, one := range series {
			if key := fmt.Sprint(one.Labels); seen[key] {
				t.Errorf("%s%s is there twice", name, key)
			} else {
				seen[key] = true
			}
		}
	}
}

func TestWhatTheStoreCannotTakeIsDroppedAndCounted(t *testing.T) {
	s := tell(t)
	made := compact(t, configMap("c", "1", "helm"))
	for i := range cluster.Queued + 5 {
		another := *made
		another.Name = fmt.Sprint("c", i)
		s.See(nil, &another)
	}
	s.want(map[string]string{"changes_waiting{}": fmt.Sprint(cluster.Queued), "changes_dropped_total{}": "5"})
	if testing.Short() {
		return
	}
	s.n.fail = errors.New("once")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := len(s.n.changes); got != cluster.Queued {
		t.Errorf("the store has %d of %d", got, cluster.Queued)
	}
}

func TestTheSameChangeHasTheSameID(t *testing.T) {
	var ids [2][]string
	for replica := range ids {
		s := tell(t)
		s.now = s.now.Add(time.Duration(replica) * time.Second) // nobody's clock is another's
		s.see(statefulSet, 1, "helm", 1, 1, 3, 3, 1, 1)
		s.see(statefulSet, 2, "kubectl", 2, 1, 3, 3, 1, 1)
		s.see("%s", configMap("c", "1", "helm"))
		s.see("%s", configMap("c", "2", "kubectl"))
		s.see(podText, "a", "Running", `""`, 0, "", `""`)
		s.see(podText, "a", "Running", `""`, 1, "", "Error")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for _, c := range s.n.changes {
			ids[replica] = append(ids[replica], c.ID)
		}
	}
	if len(ids[0]) != 6 || !cmp.Equal(ids[0], ids[1]) {
		t.Error(cmp.Diff(ids[0], ids[1]))
	}
}
