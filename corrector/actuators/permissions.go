package actuators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/driftcast/driftcast/corrector"
)

// Permission is one thing that a role must allow.
type Permission struct {
	Verb, Group, Resource string // Resource may name a subresource: pods/eviction
}

// String is the permission as people read it: patch deployments.apps.
func (p Permission) String() string {
	if p.Group == "" {
		return p.Verb + " " + p.Resource
	}
	resource, sub, ok := strings.Cut(p.Resource, "/")
	if ok {
		sub = "/" + sub
	}
	return p.Verb + " " + resource + "." + p.Group + sub
}

// Writes says whether it changes anything; reading is all that a policy needs
// which only observes or recommends.
func (p Permission) Writes() bool { return p.Verb != "get" && p.Verb != "list" }

func allow(group, resource string, verbs ...string) []Permission {
	all := make([]Permission, len(verbs))
	for i, verb := range verbs {
		all[i] = Permission{verb, group, resource}
	}
	return all
}

// Permissions lists what an actuator of a cluster needs, sorted; nothing for
// one that is not known, such as a webhook. What a template or a typed subject
// names comes on top: "create", "get" and "delete" on the resource that hand-off
// and create make, "get" and "patch" on other kinds than workloads that label, annotate
// and apply change.
func Permissions(actuator string) []Permission {
	events := allow("events.k8s.io", "events", "create")
	namespaces := allow("", "namespaces", "get")
	node := slices.Concat(events, allow("", "nodes", "get", "list", "patch"), allow("", "pods", "list"))
	var workload []Permission
	for _, resource := range []string{"deployments", "statefulsets", "daemonsets"} {
		workload = slices.Concat(workload, allow("apps", resource, "get", "patch"))
	}
	workload = slices.Concat(workload, events, namespaces)
	creates := slices.Concat(events, namespaces)
	for _, resource := range []string{"deployments", "statefulsets", "daemonsets"} {
		creates = slices.Concat(creates, allow("apps", resource, "get", "create", "delete"))
	}
	past := slices.Concat(allow("apps", "replicasets", "list"), allow("apps", "controllerrevisions", "list"))
	look := []Permission{}
	for _, p := range slices.Concat(node, workload) {
		if !p.Writes() {
			look = append(look, p)
		}
	}
	needs := map[string][]Permission{
		"cordon": node, "uncordon": node, "taint": node,
		"condition":       slices.Concat(node, allow("", "nodes/status", "patch")),
		"drain":           slices.Concat(node, namespaces, allow("", "pods/eviction", "create"), allow("policy", "poddisruptionbudgets", "list")),
		"label":           slices.Concat(node, workload),
		"annotate":        slices.Concat(node, workload),
		"pause":           workload,
		"resume":          workload,
		"rollout-restart": workload,
		"rollout-undo":    slices.Concat(workload, past),
		"scale":           slices.Concat(workload, allow("autoscaling", "horizontalpodautoscalers", "get", "list", "patch")),
		"apply":           slices.Concat(workload, past),
		"job":             slices.Concat(look, events, allow("batch", "jobs", "get", "create", "delete")),
		"create":          creates,
		"hand-off":        slices.Concat(look, events),
	}[actuator]
	slices.SortFunc(needs, func(a, b Permission) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Resource, b.Resource), strings.Compare(a.Verb, b.Verb))
	})
	return slices.Compact(needs)
}

// Check asks the API server whether it allows what the actuators of policies
// need, and says what it does not: one error a permission, with who needs it.
// Policies that only observe or recommend need no right to write. Roles that
// allow something in some namespaces only are reported too.
func Check(ctx context.Context, c Clients, policies []corrector.Policy) error {
	needed := map[Permission][]string{}
	for _, p := range policies {
		p = p.WithDefaults()
		for _, permission := range Permissions(p.Actuator) {
			shows := p.Mode == corrector.Observe || p.Mode == corrector.Recommend
			if !permission.Writes() || !shows {
				needed[permission] = append(needed[permission], p.Name)
			}
		}
	}
	var errs []error
	for permission, who := range needed {
		allowed, err := c.allowed(ctx, permission)
		slices.Sort(who)
		switch {
		case err != nil:
			return fmt.Errorf("ask what is allowed: %w", explain("create", "selfsubjectaccessreviews.authorization.k8s.io", "", err))
		case !allowed:
			errs = append(errs, fmt.Errorf("a role of the corrector's ServiceAccount must allow %q: policies %s need it", permission, strings.Join(who, ", ")))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (c Clients) allowed(ctx context.Context, p Permission) (bool, error) {
	resource, sub, _ := strings.Cut(p.Resource, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: p.Verb, Group: p.Group, Resource: resource, Subresource: sub},
	}}
	answer, err := c.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}
