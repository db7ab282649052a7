package actuators

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/driftcast/driftcast/corrector"
)

// drainer cordons a node and evicts what runs on it, through the Eviction API
// only: what a PodDisruptionBudget forbids is asked for again until the deadline
// and never deleted. Pods of DaemonSets, static and finished pods stay.
//
// Params: deadline (default 10m, counted from the cordon, restarts included),
// grace_period in seconds (default: each pod's own), wait_for_jobs, bare_pods
// and empty_dir ("true"; see sortPods).
//
// One call of Apply waits for Options.Pass and then leaves the rest to the next
// (corrector.ErrUnfinished). Revert uncordons; evicted pods do not come back.
type drainer struct{ editor }

// closing cordons a node for a drain, and keeps when that began.
type closing struct{ began string }

func closingOf(params map[string]string) change { return closing{params[began]} }

// began is a param that Apply sets for closing.
const began = "\x00began"

func (c closing) in(object) bool { return false }
func (c closing) state() string  { return "drained" }
func (c closing) traits() traits {
	return traits{takesOut: true, regardless: true, from: c.began, note: "evicted pods do not come back"}
}

func (c closing) do(ctx context.Context, o object) error { return schedulable(false).do(ctx, o) }

// situation is how a drain stands.
type situation struct {
	p    place
	o    object
	pods sorted
	standing
}

// open says that pods may still come to the node.
func (s situation) open() bool { return schedulable(true).in(s.o) }

func (d *drainer) situation(ctx context.Context, a corrector.Action) (situation, error) {
	p, ch, o, err := d.look(ctx, a)
	if err != nil {
		return situation{}, err
	}
	pods, err := d.podsOn(ctx, p.Name)
	s := situation{p, o, sortPods(pods, a.Params), d.standing(a, o, ch)}
	s.holds = s.holds && !s.open()
	return s, err
}

// Plan implements Actuator.
func (d *drainer) Plan(ctx context.Context, a corrector.Action) (plan corrector.Plan, err error) {
	err = d.again(ctx, func() error {
		plan, err = d.plan(ctx, a)
		return err
	})
	return plan, err
}

func (d *drainer) plan(ctx context.Context, a corrector.Action) (corrector.Plan, error) {
	s, err := d.situation(ctx, a)
	if err != nil {
		return corrector.Plan{}, err
	}
	plan := corrector.Plan{}
	if plan.OptOut, err = d.spare(ctx, s); err != nil {
		return plan, err
	}
	if plan.Lost = !s.holds && (s.ours || a.Undo != ""); plan.Lost {
		plan.By = undoer(s.o, s.changed.Fields)
	}
	switch {
	case s.holds && (a.Undo != "" || s.pods.left() == 0):
		plan.Undo, plan.Unchanged, plan.Text = undoOf(s.p, s.o, a.Params), true, s.p.String()+": drained already"
		return plan, nil
	case plan.Lost:
		plan.Text = s.p.String() + ": open again"
		return plan, nil
	case !s.open() && s.pods.left() == 0:
		plan.Unchanged, plan.Text = true, s.p.String()+": cordoned already, and nothing to evict"
		return plan, nil
	}
	plan.Begun = s.holds
	if len(s.pods.refused) > 0 {
		return plan, refusedPods(s)
	}
	if plan.Blocked, err = d.forbidding(ctx, s.pods.evict); err != nil {
		return plan, err
	}
	if err := d.rehearse(ctx, a, s, &plan); err != nil {
		return plan, err
	}
	kept := plan.Text
	err = d.placeNode(ctx, a, s.o, s.p, true, &plan)
	plan.Text = fmt.Sprintf("%s; %d pods stay", kept, s.pods.stay)
	return plan, err
}

func refusedPods(s situation) error {
	return fmt.Errorf("drain %s: %s", s.p, strings.Join(s.pods.refused, "; "))
}

// rehearse tries the cordon and one eviction on the API server, and says what
// would be done.
func (d *drainer) rehearse(ctx context.Context, a corrector.Action, s situation, plan *corrector.Plan) error {
	fields, err := d.editor.rehearse(ctx, a, s.p, s.o, closing{})
	if err == nil && len(s.pods.evict) > 0 {
		_, err = d.evict(ctx, s.pods.evict[0], a.Params, true)
	}
	if err != nil && !d.mayGuess(a, err) {
		return err
	}
	did := []string{}
	if len(fields) > 0 {
		did = append(did, lines(fields))
	}
	for _, p := range s.pods.evict {
		did = append(did, fmt.Sprintf("pod %s/%s: %s → evicted", p.Namespace, p.Name, strings.ToLower(string(p.Status.Phase))))
	}
	plan.Diff = strings.Join(did, "\n")
	plan.Text = fmt.Sprintf("drain %s: cordon, evict %d pods", s.p, len(s.pods.evict))
	if len(s.pods.evict) > 0 {
		plan.Text += " (" + names(s.pods.evict) + ")"
	}
	if len(s.pods.wait) > 0 {
		plan.Text += fmt.Sprintf(", wait for %d pods of jobs (%s)", len(s.pods.wait), names(s.pods.wait))
	}
	if len(plan.Blocked) > 0 {
		plan.Text += "; forbidden now by the disruption budgets " + strings.Join(plan.Blocked, ", ")
	}
	if err != nil {
		plan.Text += fmt.Sprintf("; not tried on the API server: %s", err)
	}
	return nil
}

// spare says who opted out: the node, a pod that would be evicted, or its
// namespace.
func (d *drainer) spare(ctx context.Context, s situation) (string, error) {
	why, err := d.optedOut(ctx, s.p, s.o, "")
	namespaces := map[string]bool{}
	for _, p := range append(slices.Clip(s.pods.evict), s.pods.wait...) {
		if why != "" || err != nil {
			break
		}
		if why = optOut("pod", p.Namespace+"/"+p.Name, p.Annotations); why == "" && !namespaces[p.Namespace] {
			why, err = d.optedOut(ctx, place{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}, &unstructured.Unstructured{Object: map[string]any{}}, "")
			namespaces[p.Namespace] = true
		}
	}
	return why, err
}

// Apply implements Actuator.
func (d *drainer) Apply(ctx context.Context, a corrector.Action) (string, error) {
	limit, err := durationOf(a.Params, "deadline", 10*time.Minute)
	if err != nil {
		return "", err
	}
	s, err := d.situation(ctx, a)
	if err != nil {
		return "", err
	}
	why, err := d.spare(ctx, s)
	switch {
	case err != nil:
		return "", err
	case why != "":
		return "", fmt.Errorf("opt-out: %s", why)
	case s.ours && !s.holds:
		return "", fmt.Errorf("%s was opened by somebody else meanwhile", s.p)
	case len(s.pods.refused) > 0:
		return "", refusedPods(s)
	}
	start := d.Now()
	if s.holds {
		if at, err := time.Parse(time.RFC3339, s.changed.From); err == nil {
			start = at
		}
	}
	marked := a
	marked.Params = maps.Clone(a.Params)
	if marked.Params == nil {
		marked.Params = map[string]string{}
	}
	marked.Params[began] = start.UTC().Format(time.RFC3339)
	if _, err := d.editor.Apply(ctx, marked); err != nil {
		return "", err
	}
	undo := undoOf(s.p, s.o, a.Params)
	e := &evictions{blocked: map[string]string{}}
	err = d.pass(ctx, func() (bool, error) { return d.round(ctx, a, start.Add(limit), e) }, func() string {
		return fmt.Sprintf("drain %s: %s", s.p, e.stands())
	})
	if err == nil {
		d.event(ctx, a, undo, d.name, "drained", "drained")
	}
	return undo, err
}

// evictions are what one call has come to.
type evictions struct {
	pods    sorted
	blocked map[string]string // pod → who forbids it, in the API server's words
}

func (e *evictions) stands() string {
	var all []string
	for _, pod := range slices.Sorted(maps.Keys(e.blocked)) {
		all = append(all, fmt.Sprintf("pod %s: %s", pod, e.blocked[pod]))
	}
	if len(e.pods.wait) > 0 {
		all = append(all, "jobs still run: "+names(e.pods.wait))
	}
	if len(e.pods.leaving) > 0 {
		all = append(all, "terminating: "+names(e.pods.leaving))
	}
	return strings.Join(all, "; ")
}

// round asks once for the eviction of all that is left.
func (d *drainer) round(ctx context.Context, a corrector.Action, deadline time.Time, e *evictions) (bool, error) {
	s, err := d.situation(ctx, a)
	if err != nil {
		return false, err
	}
	e.pods, e.blocked = s.pods, map[string]string{}
	switch {
	case !s.holds:
		return false, fmt.Errorf("%s was opened by somebody else meanwhile: no more is evicted", s.p)
	case len(s.pods.refused) > 0: // it came in between the look and the cordon
		return false, refusedPods(s)
	}
	for _, p := range s.pods.evict {
		why, err := d.evict(ctx, p, a.Params, false)
		if err != nil {
			return false, err
		}
		if why != "" {
			e.blocked[p.Namespace+"/"+p.Name] = why
		}
	}
	if s.pods.left() == 0 {
		return true, nil
	}
	if d.Now().After(deadline) {
		return false, fmt.Errorf("drain %s is not done by its deadline: %s; the node stays cordoned: revert uncordons it", s.p, e.stands())
	}
	return false, nil
}

// evict asks for the eviction of one pod; why is what forbids it for now.
func (d *drainer) evict(ctx context.Context, p *corev1.Pod, params map[string]string, dry bool) (why string, err error) {
	uid := p.UID
	options := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	if text := params["grace_period"]; text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds <= 0 { // 0 would be a deletion by force
			return "", fmt.Errorf("%w: param grace_period %q: want seconds, at least 1", corrector.ErrInvalid, text)
		}
		options.GracePeriodSeconds = &seconds
	}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	err = d.Client.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}, DeleteOptions: options,
	})
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err): // gone, or another pod of that name by now
		return "", nil
	case apierrors.IsTooManyRequests(err), apierrors.IsInternalError(err), apierrors.IsServerTimeout(err), apierrors.IsServiceUnavailable(err):
		return reasons(err), nil
	}
	return "", explain("create", "pods/eviction", p.Namespace+"/"+p.Name, err)
}

// reasons are an error's causes, which name the disruption budget.
func reasons(err error) string {
	var status *apierrors.StatusError
	if errors.As(err, &status) && status.ErrStatus.Details != nil {
		var all []string
		for _, cause := range status.ErrStatus.Details.Causes {
			all = append(all, cause.Message)
		}
		if len(all) > 0 {
			return strings.Join(all, "; ")
		}
	}
	return err.Error()
}
