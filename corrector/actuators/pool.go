package actuators

import (
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// poolAge is how long a listing of nodes is good for; our own changes end it.
const poolAge = 10 * time.Second

// pool counts the nodes of pools and those that are out of them.
type pool struct {
	client kubernetes.Interface
	now    func() time.Time

	mu      sync.Mutex
	at      time.Time
	members []member
}

// member is the little that is kept of a node.
type member struct {
	name   string
	labels map[string]string
	out    bool
}

// seen is what stands beside a node.
type seen struct{ size, out, domain, domainOut int }

// look counts the pool of a node: those with the same value of a label, or all
// where the label is "", and of these those in the same failure domain. The node
// itself is never counted as out.
func (p *pool) look(ctx context.Context, node string, labels map[string]string, label, domain string) (s seen, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == nil || p.now().Sub(p.at) > poolAge {
		if err := p.list(ctx); err != nil {
			return s, err
		}
	}
	for _, m := range p.members {
		if label != "" && m.labels[label] != labels[label] {
			continue
		}
		near, out := m.labels[domain] == labels[domain], m.out && m.name != node
		s.size++
		if out {
			s.out++
		}
		if near {
			s.domain++
		}
		if near && out {
			s.domainOut++
		}
	}
	return s, nil
}

// forget makes the next look list anew.
func (p *pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = nil
}

func (p *pool) list(ctx context.Context) error {
	members := []member{}
	options := metav1.ListOptions{Limit: 500}
	for {
		page, err := p.client.CoreV1().Nodes().List(ctx, options)
		if err != nil {
			return explain("list", "nodes", "of the pool", err)
		}
		for i := range page.Items {
			n := &page.Items[i]
			members = append(members, member{name: n.Name, labels: n.Labels, out: isOut(n)})
		}
		if page.Continue == "" {
			p.members, p.at = members, p.now()
			return nil
		}
		options.Continue = page.Continue
	}
}

// isOut says whether new pods are kept off a node, by whoever: it is cordoned,
// not ready, or tainted as being at risk.
func isOut(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return true
		}
	}
	return n.Spec.Unschedulable || mark(n.Annotations, "taint") != "" ||
		slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == atRisk })
}
