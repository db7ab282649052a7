package declared

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/drift"
)

// Bounds on what a source may hold, so that a wrong path costs an error and not
// the memory of the machine.
const (
	maxFile  = 8 << 20  // bytes of one manifest file
	maxBytes = 64 << 20 // of all manifests of a source
	maxFiles = 20000
)

// tree is the files of a source at one revision.
type tree struct {
	files fs.FS // rooted at the repository, or at the directory
	path  string
	// kustomize sees the same files; bases may lie beside path.
	kustomize     filesys.FileSystem
	kustomizeRoot string // path, as kustomize names it
}

// snapshot is a source at one revision, read and understood.
type snapshot struct {
	revision  Revision
	objects   map[cluster.Ref]object
	order     []cluster.Ref
	documents int
	problems  []Problem

	once    sync.Once // makes what follows, with the first comparison
	list    []drift.Declaration
	listErr error
}

// render reads all manifests of a tree. The error is about the whole source.
func render(t tree, c *Config, s Scopes) (*snapshot, error) {
	r := renderer{tree: t, config: c}
	var err error
	if r.include, err = globs(c.Include); err != nil {
		return nil, err
	}
	if r.exclude, err = globs(c.Exclude); err != nil {
		return nil, err
	}
	info, err := fs.Stat(t.files, t.path)
	if err != nil {
		return nil, fmt.Errorf("path %q is not there (correct path): %w", t.path, err)
	}
	switch {
	case !info.IsDir():
		err = r.read(t.path)
	case c.Kustomize == "true" && !r.isKustomization(t.path):
		err = fmt.Errorf("path %q has no kustomization.yaml (add one, or set kustomize: auto)", t.path)
	default:
		err = r.walk(t.path)
	}
	if err != nil {
		return nil, err
	}
	if len(r.documents)+len(r.problems) == 0 { // a path that was emptied, or mistyped: it does not mean that nothing should be there
		r.problems = append(r.problems, Problem{File: t.path, Message: "no manifests are there", Remedy: "correct path, include or exclude, or take the baseline out"})
	}
	return collect(r.documents, r.problems, c.Namespace, s), nil
}

func globs(patterns []string) (list []*regexp.Regexp, err error) {
	for _, p := range patterns {
		g, err := glob(p)
		if err != nil {
			return nil, fmt.Errorf("glob %q: %w", p, err)
		}
		list = append(list, g)
	}
	return list, nil
}

type renderer struct {
	tree             tree
	config           *Config
	include, exclude []*regexp.Regexp
	files, bytes     int
	documents        []document
	problems         []Problem
}

// relative is a path below the source's path.
func (r *renderer) relative(p string) string {
	if r.tree.path == "." {
		return p
	}
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(p, r.tree.path), "/"), path.Base(p))
}

func (r *renderer) excluded(p string) bool {
	return slices.ContainsFunc(r.exclude, func(g *regexp.Regexp) bool { return g.MatchString(r.relative(p)) })
}

func (r *renderer) included(p string) bool {
	return len(r.include) == 0 || slices.ContainsFunc(r.include, func(g *regexp.Regexp) bool { return g.MatchString(r.relative(p)) })
}

// walk visits a folder: a kustomization is built and not descended into, a chart
// is a problem, hidden folders are passed by.
func (r *renderer) walk(dir string) error {
	if r.config.Kustomize != "false" && r.isKustomization(dir) {
		r.build(dir)
		return nil
	}
	entries, err := fs.ReadDir(r.tree.files, dir)
	if err != nil {
		return fmt.Errorf("read folder %q: %w", dir, err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "Chart.yaml" && !r.excluded(path.Join(dir, e.Name())) }) {
		r.problems = append(r.problems, Problem{File: r.relative(path.Join(dir, "Chart.yaml")),
			Message: "a chart is not rendered here: its templates declare nothing yet",
			Remedy:  "helm template NAME " + path.Base(dir) + " > rendered/" + path.Base(dir) + ".yaml, or leave the folder out with exclude"})
		return nil
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") || r.excluded(p) {
			continue
		}
		if e.Type() == submodule {
			r.problems = append(r.problems, Problem{File: r.relative(p), Message: "a submodule: what it declares is in another repository, which is not read",
				Remedy: "make it a baseline of its own, or leave it out with exclude"})
			continue
		}
		info, err := fs.Stat(r.tree.files, p) // follows links, within the root
		switch {
		case err != nil && e.Type()&fs.ModeSymlink != 0:
			r.problems = append(r.problems, Problem{File: r.relative(p), Message: "a link that leads nowhere, or out of the source", Remedy: "replace it by the file"})
		case err != nil:
			return fmt.Errorf("read %q: %w", p, err)
		case info.IsDir() && e.Type()&fs.ModeSymlink != 0: // could lead in circles
		case info.IsDir():
			if err := r.walk(p); err != nil {
				return err
			}
		case r.isManifest(e.Name()) && r.included(p):
			if err := r.read(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *renderer) isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return r.config.Kustomize == "false" || !slices.Contains(kustomizations, name)
	}
	return false
}

func (r *renderer) read(p string) error {
	info, err := fs.Stat(r.tree.files, p)
	if err != nil {
		return fmt.Errorf("read %q: %w", p, err)
	}
	if info.Size() > maxFile {
		r.problems = append(r.problems, Problem{File: r.relative(p), Message: fmt.Sprintf("%d MiB: more than is read of one file", info.Size()>>20),
			Remedy: "split it, or leave it out with exclude"})
		return nil
	}
	text, err := fs.ReadFile(r.tree.files, p)
	if err != nil {
		return fmt.Errorf("read %q: %w", p, err)
	}
	r.files, r.bytes = r.files+1, r.bytes+len(text)
	if r.files > maxFiles || r.bytes > maxBytes {
		return fmt.Errorf("%d files, %d MiB: more than is read of one source (narrow path or include)", r.files, r.bytes>>20)
	}
	if bytes.HasPrefix(text, []byte("version https://git-lfs.github.com/spec/")) {
		r.problems = append(r.problems, Problem{File: r.relative(p), Message: "a pointer of Git LFS: the manifest itself is not in the repository",
			Remedy: "keep manifests out of LFS (git lfs migrate export), or leave it out with exclude"})
		return nil
	}
	documents, problems := readManifests(r.relative(p), text)
	r.documents, r.problems = append(r.documents, documents...), append(r.problems, problems...)
	return nil
}

// collect names the documents' objects. What is declared twice is declared
// neither way, and a problem.
func collect(documents []document, problems []Problem, namespace string, s Scopes) *snapshot {
	out := &snapshot{objects: map[cluster.Ref]object{}, documents: len(documents), problems: problems}
	known := scopes{cluster: s, defined: map[schema.GroupKind]bool{}}
	for _, d := range documents {
		if gvk := d.gvk(); gvk.Kind == "CustomResourceDefinition" && gvk.Group == "apiextensions.k8s.io" {
			known.define(d.object)
		}
	}
	first := map[string]object{}
	twice := map[cluster.Ref]bool{}
	for _, d := range documents {
		o, problem := normalise(d, known, namespace)
		if problem != nil {
			out.problems = append(out.problems, *problem)
			continue
		}
		identity := o.ref.Group + "/" + o.ref.Kind + "/" + o.ref.Namespace + "/" + o.ref.Name // whatever the version
		if before, ok := first[identity]; ok {
			out.problems = append(out.problems, Problem{File: d.file, Line: d.line, Document: d.number, Object: o.ref,
				Message: fmt.Sprintf("%s is declared twice, first at %s", o.ref, before.origin), Remedy: "keep one, or narrow path or exclude"})
			twice[before.ref] = true
			continue
		}
		first[identity] = o
		out.objects[o.ref] = o
		out.order = append(out.order, o.ref)
	}
	for ref := range twice {
		delete(out.objects, ref)
	}
	out.order = slices.DeleteFunc(out.order, func(ref cluster.Ref) bool { return twice[ref] })
	return out
}

// digest is the revision of a directory: what it declares, not when its files
// were touched.
func (s *snapshot) digest() string {
	h := sha256.New()
	for _, ref := range s.order {
		fmt.Fprintf(h, "%s\n%s\n", ref, s.objects[ref].manifest)
	}
	for _, p := range s.problems {
		fmt.Fprintln(h, p.Error())
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))[:16]
}
