package cluster

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Announce writes an Event of type Normal or Warning at an object. The server
// refuses a note of more than NoteLimit bytes.
func (c *Connection) Announce(ctx context.Context, object Ref, uid, eventType, reason, note string) error {
	now := time.Now()
	namespace := cmp.Or(object.Namespace, metav1.NamespaceDefault)
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: fmt.Sprintf("driftcast-%s-%x", strings.ToLower(reason), now.UnixNano()), Namespace: namespace},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: "driftcast.io/drift",
		ReportingInstance:   "driftcast",
		Action:              "Compare",
		Reason:              reason,
		Regarding: corev1.ObjectReference{APIVersion: object.GVK().GroupVersion().String(), Kind: object.Kind,
			Namespace: object.Namespace, Name: object.Name, UID: types.UID(uid)},
		Note: note,
		Type: eventType,
	}
	_, err := c.Kubernetes.EventsV1().Events(namespace).Create(ctx, event, metav1.CreateOptions{FieldManager: "driftcast"})
	return Explain("create", "events.events.k8s.io", err)
}

// ConfigMapValue reads one key of a ConfigMap from the server; ok is false where
// there is no such key or no such ConfigMap.
func (c *Connection) ConfigMapValue(ctx context.Context, namespace, name, key string) (value string, ok bool, err error) {
	found, err := c.Kubernetes.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, Explain("get", "configmaps", err)
	}
	value, ok = found.Data[key]
	return value, ok, nil
}
