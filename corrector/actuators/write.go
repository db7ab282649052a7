package actuators

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/driftcast/driftcast/corrector"
)

// write is one patch of one object.
type write struct {
	body        map[string]any // a merge patch, or what is applied
	subresource string         // "": the object itself
	apply       bool           // server-side apply…
	manager     string         // …as this manager
	force       bool           // …taking over what others own
}

// write sends a patch, or only tries it (dry); it returns the object as it is
// after it, or would be.
func (k *kube) write(ctx context.Context, p place, w write, dry bool) (object, error) {
	body, err := json.Marshal(w.body)
	if err != nil {
		return nil, fmt.Errorf("patch %s: %w", p, err)
	}
	options, verb, kind := metav1.PatchOptions{FieldManager: fieldManager}, "patch", types.MergePatchType
	if w.apply {
		options.FieldManager, options.Force, kind = w.manager, &w.force, types.ApplyPatchType
	}
	if dry {
		options.DryRun, verb = []string{metav1.DryRunAll}, "patch (dry run)"
	} else {
		k.pool.forget()
	}
	var sub []string
	resource := p.resource()
	if w.subresource != "" {
		sub, resource = []string{w.subresource}, resource+"/"+w.subresource
	}
	after, err := k.at(p).Patch(ctx, p.Name, kind, body, options, sub...)
	if w.apply {
		err = contended(err)
	}
	return after, explain(verb, resource, p.path(), err)
}

// mayGuess says whether a plan may do without a dry run: where the policy only
// shows what people would do, its role need not allow any write.
func (k *kube) mayGuess(a corrector.Action, err error) bool {
	return apierrors.IsForbidden(err) && (a.Mode == string(corrector.Observe) || a.Mode == string(corrector.Recommend))
}

// again reads, plans and writes anew where somebody else changed the object in
// between, or the API server was busy.
func (k *kube) again(ctx context.Context, once func() error) error {
	return retry.OnError(retry.DefaultBackoff, func(err error) bool {
		return ctx.Err() == nil && (apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) ||
			apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err))
	}, once)
}

// bound makes a patch hold only for the object as it was read.
func bound(o object, patch map[string]any) map[string]any {
	metadata, ok := patch["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		patch["metadata"] = metadata
	}
	metadata["uid"], metadata["resourceVersion"] = string(o.GetUID()), o.GetResourceVersion()
	return patch
}
