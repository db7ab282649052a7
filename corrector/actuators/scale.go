package actuators

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// scaled sets how many replicas a workload has. Where a HorizontalPodAutoscaler
// owns that number it raises the autoscaler's lower bound instead, never above
// its upper one.
//
// The number is written to the object, not to its scale subresource: only so are
// it and the correction's ID one write, of which a crash leaves both or none.
type scaled struct {
	by, to, max int64 // by 0: to; max 0: none
	hpa         *autoscalingv2.HorizontalPodAutoscaler
	optOut      string
}

func scaleOf(ctx context.Context, k *kube, a corrector.Action) (place, change, error) {
	s := &scaled{}
	for name, into := range map[string]*int64{"by": &s.by, "to": &s.to, "max": &s.max} {
		text := a.Params[name]
		n, err := strconv.ParseInt(text, 10, 32)
		if text != "" && (err != nil || n < 0 && name != "by") {
			return place{}, nil, fmt.Errorf("%w: param %s %q: want a whole number", corrector.ErrInvalid, name, text)
		}
		*into = n
	}
	if (s.by != 0) == (a.Params["to"] != "") {
		return place{}, nil, fmt.Errorf("%w: scale wants one of the params by (+2) and to (5)", corrector.ErrInvalid)
	}
	p, err := k.resolve(ctx, a)
	if err == nil {
		err = oneOf(p, "Deployment", "StatefulSet")
	}
	if err != nil {
		return p, nil, err
	}
	if s.hpa, err = k.autoscaler(ctx, p); err != nil || s.hpa == nil {
		return p, s, err
	}
	o, err := k.get(ctx, p)
	if err != nil {
		return p, nil, err
	}
	s.optOut = optOut("workload", p.path(), o.GetAnnotations())
	return place{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler",
		Namespace: p.Namespace, Name: s.hpa.Name}, s, nil
}

// autoscaler finds what owns a workload's replicas, nil: nothing does.
func (k *kube) autoscaler(ctx context.Context, p place) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	list, err := k.Client.AutoscalingV2().HorizontalPodAutoscalers(p.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, explain("list", "horizontalpodautoscalers.autoscaling", "in "+p.Namespace, err)
	}
	for i := range list.Items {
		if ref := list.Items[i].Spec.ScaleTargetRef; ref.Kind == p.Kind && ref.Name == p.Name {
			return &list.Items[i], nil
		}
	}
	return nil, nil
}

func (s *scaled) traits() traits { return traits{optOut: s.optOut} }

func (s *scaled) state() string {
	if s.by != 0 {
		return fmt.Sprintf("scaled by %+d", s.by)
	}
	return fmt.Sprintf("scaled to %d", s.to)
}

func (s *scaled) in(o object) bool {
	if s.by != 0 {
		return false
	}
	n, _ := replicas(o, s.field())
	return n == s.to || s.hpa != nil && n >= s.to
}

func (s *scaled) field() string {
	if s.hpa != nil {
		return "minReplicas"
	}
	return "replicas"
}

func replicas(o object, field string) (int64, bool) {
	n, ok, _ := unstructured.NestedInt64(o.Object, "spec", field)
	if !ok {
		return 1, false
	}
	return n, true
}

func (s *scaled) do(_ context.Context, o object) error {
	now, _ := replicas(o, s.field())
	current := now
	if s.hpa != nil {
		current = max(int64(s.hpa.Status.CurrentReplicas), now)
	}
	want := s.to
	if s.by != 0 {
		want = current + s.by
	}
	if s.max > 0 {
		want = min(want, s.max)
	}
	if s.hpa != nil {
		return s.raise(o, now, want)
	}
	switch {
	case want < 0:
		return fmt.Errorf("%d replicas and %+d is less than none", current, s.by)
	case s.by != 0 && current == 0:
		return errors.New("it is scaled to zero on purpose: give param to")
	case want == now, s.by > 0 && want < now:
		return fmt.Errorf("it has %d replicas, and max allows %d", now, s.max)
	}
	return unstructured.SetNestedField(o.Object, want, "spec", "replicas")
}

// raise lifts the autoscaler's lower bound.
func (s *scaled) raise(o object, now, want int64) error {
	name, upper := s.hpa.Name, int64(s.hpa.Spec.MaxReplicas)
	if owner := metav1.GetControllerOf(s.hpa); owner != nil {
		return fmt.Errorf("horizontalpodautoscaler %s belongs to %s %s, which would fight back: change it there", name, owner.Kind, owner.Name)
	}
	if want = min(want, upper); want <= now {
		return fmt.Errorf("horizontalpodautoscaler %s owns the replicas (%d now): its minReplicas is %d and maxReplicas %d; "+
			"a correction only raises minReplicas: raise maxReplicas, or wait for it", name, s.hpa.Status.CurrentReplicas, now, upper)
	}
	return unstructured.SetNestedField(o.Object, want, "spec", "minReplicas")
}
