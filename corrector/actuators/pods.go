package actuators

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// sorted are the pods of a node by what a drain does with them.
type sorted struct {
	evict   []*corev1.Pod
	wait    []*corev1.Pod // of Jobs, which may finish
	leaving []*corev1.Pod // deleted already, not gone yet
	stay    int           // of DaemonSets, static, or finished
	refused []string      // why a pod must not be evicted
}

// left counts what keeps the drain from being done.
func (s sorted) left() int { return len(s.evict) + len(s.wait) + len(s.leaving) }

// sortPods sorts a node's pods. Params: wait_for_jobs lets Jobs finish,
// bare_pods evicts what nothing brings back, empty_dir evicts what loses data.
func sortPods(pods []corev1.Pod, params map[string]string) sorted {
	var s sorted
	for i := range pods {
		p := &pods[i]
		owner := metav1.GetControllerOf(p)
		_, static := p.Annotations[corev1.MirrorPodAnnotationKey]
		name := p.Namespace + "/" + p.Name
		switch {
		case static, owner != nil && owner.Kind == "DaemonSet", p.Status.Phase == corev1.PodSucceeded, p.Status.Phase == corev1.PodFailed:
			s.stay++
		case p.DeletionTimestamp != nil:
			s.leaving = append(s.leaving, p)
		case owner == nil && params["bare_pods"] != "true":
			s.refused = append(s.refused, name+` has no controller, nothing would bring it back (param bare_pods: "true" evicts it)`)
		case owner != nil && owner.Kind == "Job" && params["wait_for_jobs"] == "true":
			s.wait = append(s.wait, p)
		case params["empty_dir"] != "true" && slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.EmptyDir != nil }):
			s.refused = append(s.refused, name+` would lose its emptyDir (param empty_dir: "true" evicts it)`)
		default:
			s.evict = append(s.evict, p)
		}
	}
	return s
}

// names lists pods, at most 10.
func names(pods []*corev1.Pod) string {
	const most = 10
	var all []string
	for _, p := range pods[:min(len(pods), most)] {
		all = append(all, p.Namespace+"/"+p.Name)
	}
	if len(pods) > most {
		all = append(all, fmt.Sprintf("and %d more", len(pods)-most))
	}
	return strings.Join(all, ", ")
}

// forbidding lists the PodDisruptionBudgets that now forbid evicting some of the
// pods, as the API server would judge, sorted.
func (k *kube) forbidding(ctx context.Context, pods []*corev1.Pod) ([]string, error) {
	if len(pods) == 0 {
		return nil, nil
	}
	list, err := k.Client.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, explain("list", "poddisruptionbudgets.policy", "", err)
	}
	var found []string
	for i := range list.Items {
		budget := &list.Items[i]
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err != nil || budget.Status.DisruptionsAllowed > 0 && budget.Status.ObservedGeneration >= budget.Generation {
			continue
		}
		if slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return covers(budget, selector, p) }) {
			found = append(found, budget.Namespace+"/"+budget.Name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// covers says whether a budget has a say in evicting a pod: in that of one that
// is not ready, only where enough others are healthy or it says so.
func covers(b *policyv1.PodDisruptionBudget, selector labels.Selector, p *corev1.Pod) bool {
	if p.Namespace != b.Namespace || !selector.Matches(labels.Set(p.Labels)) || p.Status.Phase == corev1.PodPending {
		return false
	}
	ready := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	always := b.Spec.UnhealthyPodEvictionPolicy != nil && *b.Spec.UnhealthyPodEvictionPolicy == policyv1.AlwaysAllow
	enough := b.Status.CurrentHealthy >= b.Status.DesiredHealthy && b.Status.DesiredHealthy > 0
	return ready || !always && !enough
}
