package drift

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/driftcast/driftcast/cluster"
)

// DryRunOptions are what the second tier needs; all but Patience are required.
type DryRunOptions struct {
	// Client sends the dry runs, as a ServiceAccount of its own that may patch.
	Client dynamic.Interface
	// Resource finds the resource of a kind.
	Resource func(schema.GroupVersionKind) (resource schema.GroupVersionResource, namespaced bool, err error)
	// Object reads an answer as the observer would.
	Object func(*unstructured.Unstructured) (*cluster.Object, error)
	// Manifest is the whole declared manifest, nothing redacted: a dry run of a
	// redacted one would find its redactions.
	Manifest func(ctx context.Context, r cluster.Ref) ([]byte, error)

	QPS      float64       // dry runs a second
	Patience time.Duration // that one comparison waits for its turn, in all; what is left comes next time. 0: for ever
}

// DryRun asks the server what applying a declaration would change: it knows
// defaulting and admission. It is used by one comparison at a time.
type DryRun struct {
	opts     DryRunOptions
	limiter  *rate.Limiter
	cache    map[rehearsal][]cluster.Edit // from live to declared
	used     map[rehearsal][]cluster.Edit // by this comparison
	requests int
	until    time.Time // of patience
}

// rehearsal names a dry run whose answer cannot have changed.
type rehearsal struct {
	uid, version string
	manager      string
	digest       [sha256.Size]byte
}

// NewDryRun returns a DryRun, which has asked nothing yet.
func NewDryRun(o DryRunOptions) (*DryRun, error) {
	if o.Client == nil || o.Resource == nil || o.Object == nil || o.Manifest == nil {
		return nil, errors.New("dry run: a client, the resources, the transform and the manifests must be given")
	}
	if o.QPS <= 0 {
		return nil, fmt.Errorf("dry run: %g a second; give more than 0", o.QPS)
	}
	return &DryRun{opts: o, limiter: rate.NewLimiter(rate.Limit(o.QPS), max(1, int(o.QPS))), cache: map[rehearsal][]cluster.Edit{}, used: map[rehearsal][]cluster.Edit{}}, nil
}

// Requests counts the dry runs sent so far.
func (r *DryRun) Requests() int { return r.requests }

// turn begins a comparison: what the last one did not use is forgotten.
func (r *DryRun) turn() {
	r.cache, r.used = r.used, map[rehearsal][]cluster.Edit{}
	r.until = time.Time{}
	if r.opts.Patience > 0 {
		r.until = time.Now().Add(r.opts.Patience)
	}
}

// errLater means that the turn of a dry run comes with the next comparison.
var errLater = errors.New("its dry run comes with a later comparison: raise drift.dry_run.qps for sooner")

// rehearse adds what the dry runs of an object's manifests tell.
func (d *Detector) rehearse(ctx context.Context, j *judgement, f *Finding) {
	for _, declaration := range j.declared[keyOf(j.object.Ref)] {
		edits, err := d.opts.DryRun.edits(ctx, j, declaration)
		switch {
		case errors.Is(err, errLater):
			if f.Verdict == Synced {
				f.Reason = err.Error()
			}
		case err != nil && f.Verdict != Drifted:
			f.Verdict, f.Reason = Unknown, firstLine(err)
		}
		if err == nil {
			j.confirm(edits)
		}
		for _, edit := range edits {
			j.edit(edit)
		}
	}
	if f.Verdict == Drifted || len(j.differences) > 0 {
		f.Verdict, f.Confidence, f.Reason = "", 0, ""
		j.close(f)
	}
}

// confirm drops what the server would leave as it is although it is not as the
// manifest has it: admission made it so.
func (j *judgement) confirm(edits []cluster.Edit) {
	j.differences = slices.DeleteFunc(j.differences, func(d Difference) bool {
		return j.doubtful[d.Path] && !slices.ContainsFunc(edits, func(e cluster.Edit) bool {
			return e.Path == d.Path || strings.HasPrefix(e.Path, d.Path+"/") || strings.HasPrefix(d.Path, e.Path+"/")
		})
	})
}

// edit notes a field that a dry run would change.
func (j *judgement) edit(e cluster.Edit) {
	path, err := ParsePointer(e.Path)
	if err != nil {
		return // the whole object: it is another one
	}
	var owners []int
	f := field{path: path}
	if e.Before != nil {
		f.live, err = cluster.Decode(e.Before)
		f.present, owners = err == nil, j.owners.owners(path)
	}
	if e.After != nil {
		f.declared, err = cluster.Decode(e.After)
		f.isDeclared = err == nil
	}
	if j.controlled(owners) {
		return
	}
	manager, since := j.author(owners)
	j.differ(f, manager, since, SourceDryRun)
}

func (r *DryRun) edits(ctx context.Context, j *judgement, declared Declaration) ([]cluster.Edit, error) {
	manifest, err := r.opts.Manifest(ctx, declared.Object)
	if err != nil {
		return nil, fmt.Errorf("dry run: %w", err)
	}
	manager := declared.Manager
	if manager == "" {
		manager = j.applier()
	}
	id := rehearsal{uid: string(j.object.UID), version: j.object.ResourceVersion, manager: manager, digest: sha256.Sum256(manifest)}
	known, ok := r.used[id]
	if !ok {
		known, ok = r.cache[id]
	}
	if !ok {
		if known, err = r.ask(ctx, j.object, declared.Object, manager, manifest); err != nil {
			return nil, err
		}
	}
	r.used[id] = known
	return known, nil
}

// ask sends one dry run.
func (r *DryRun) ask(ctx context.Context, live *cluster.Object, ref cluster.Ref, manager string, manifest []byte) ([]cluster.Edit, error) {
	wait := ctx
	if !r.until.IsZero() {
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadline(ctx, r.until)
		defer cancel()
	}
	if err := r.limiter.Wait(wait); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errLater
	}
	resource, namespaced, err := r.opts.Resource(ref.GVK())
	if err != nil {
		return nil, err
	}
	var client dynamic.ResourceInterface = r.opts.Client.Resource(resource)
	if namespaced {
		client = r.opts.Client.Resource(resource).Namespace(ref.Namespace)
	}
	force := true
	r.requests++
	answer, err := client.Patch(ctx, ref.Name, types.ApplyPatchType, manifest, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}, Force: &force, FieldManager: manager})
	if err != nil {
		return nil, cluster.Explain("patch", resource.GroupResource().String(), fmt.Errorf("dry run of %s: %w", ref, err))
	}
	would, err := r.opts.Object(answer)
	if err != nil {
		return nil, err
	}
	if would.UID != live.UID {
		return nil, fmt.Errorf("dry run of %s: it was replaced meanwhile; the next comparison knows", ref)
	}
	if v := would.ResourceVersion; v != "" && v != live.ResourceVersion {
		return nil, errLater // it changed meanwhile: the edits would be those of others
	}
	return cluster.Diff(live.Body, would.Body)
}

// applier is the server-side-apply manager that declared the object last. Where
// there is none the dry run goes under a name of its own: it then cannot see
// what the declaration has dropped.
func (j *judgement) applier() string {
	name, newest := "driftcast-dry-run", time.Time{}
	for i := range j.object.Managers {
		m := &j.object.Managers[i]
		if j.hand[i] == declarer && m.Operation == "Apply" && !strings.HasPrefix(m.Name, "driftcast") && !m.Time.Before(newest) {
			name, newest = m.Name, m.Time
		}
	}
	return name
}
