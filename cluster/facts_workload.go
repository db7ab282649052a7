package cluster

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// workload reads what controllers of pods say. Whether a rollout is on must not
// depend on pods that fail later: a Deployment's controller says it in the reason
// of its condition Progressing, the others by revisions and counts.
func (t Transform) workload(ref Ref, u *unstructured.Unstructured) *Workload {
	object := u.Object
	spec, status := branch(object, "spec"), branch(object, "status")
	w := &Workload{
		Desired: 1, Current: whole(status, "replicas"), Updated: whole(status, "updatedReplicas"), Ready: whole(status, "readyReplicas"),
		Available: whole(status, "availableReplicas"), Observed: whole(status, "observedGeneration"),
		Selector: words(spec, "selector", "matchLabels"), Paused: flag(spec, "paused") || flag(spec, "suspend"),
		OnDelete: text(spec, "updateStrategy", "type") == "OnDelete",
	}
	if n, ok := number(spec, "replicas"); ok {
		w.Desired = n
	}
	template := branch(spec, "template")
	seen := w.Observed >= u.GetGeneration()
	switch ref.Kind {
	case "Deployment":
		w.Revision = u.GetAnnotations()["deployment.kubernetes.io/revision"]
		progressing := condition(conditions(object), "Progressing")
		w.Progress = progressing.Updated
		w.Stalled = progressing.Reason == "ProgressDeadlineExceeded"
		// As the controller itself reckons. Its reason alone is not enough: it
		// stays NewReplicaSetAvailable for a moment after a rollback.
		w.Complete = seen && w.Updated == w.Desired && w.Current == w.Desired && w.Available == w.Desired
		w.Rolling = !seen || w.Current != w.Updated || progressing != (Condition{}) && progressing.Reason != "NewReplicaSetAvailable"
	case "StatefulSet":
		w.Revision = text(status, "updateRevision")
		w.Rolling = !seen || text(status, "currentRevision") != w.Revision
		w.Complete = !w.Rolling && w.Ready >= w.Desired
	case "DaemonSet":
		w.Desired, w.Current, w.Updated = whole(status, "desiredNumberScheduled"), whole(status, "currentNumberScheduled"), whole(status, "updatedNumberScheduled")
		w.Ready, w.Available = whole(status, "numberReady"), whole(status, "numberAvailable")
		w.Revision = u.GetAnnotations()["deprecated.daemonset.template.generation"]
		w.Rolling = !seen || w.Updated < w.Desired
		w.Complete = !w.Rolling && w.Available >= w.Desired
	case "ReplicaSet":
		w.Revision, w.Updated, w.Complete = u.GetAnnotations()["deployment.kubernetes.io/revision"], -1, true
	case "ControllerRevision":
		w = &Workload{Desired: -1, Current: -1, Updated: -1, Ready: -1, Available: -1, Complete: true}
		w.Revision = strconv.FormatInt(whole(object, "revision"), 10)
		return w
	case "Job":
		w.Desired = max(1, whole(spec, "parallelism"))
		w.Current, w.Ready, w.Available, w.Updated = whole(status, "active"), whole(status, "ready"), -1, -1
		w.Failed, w.Complete = whole(status, "failed"), true
	case "CronJob":
		w.Desired, w.Current, w.Updated, w.Ready, w.Available, w.Complete = -1, -1, -1, -1, -1, true
		template = branch(spec, "jobTemplate", "spec", "template")
	}
	w.Template = t.template(template)
	w.Images = images(template)
	return w
}

// template digests a pod template: another digest is another rollout.
func (t Transform) template(template map[string]any) string {
	if template == nil {
		return ""
	}
	body, err := Canonical(template)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(t.Redactor.digest(string(body)), Redacted) // salted, since the environment is in it
}

func images(template map[string]any) map[string]string {
	out := map[string]string{}
	for _, field := range []string{"initContainers", "containers"} {
		for _, c := range items(template, "spec", field) {
			out[intern(text(c, "name"))] = intern(text(c, "image"))
		}
	}
	return out
}
