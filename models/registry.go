package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Registry keeps fitted models in a folder, by content:
//
//	objects/<id>.model      the target's name, a newline, the bytes of the model; id is their SHA-256
//	objects/<id>.json       its Manifest
//	targets/<target>.json   the champions of a target, oldest first, and its challenger
//
// Every file is written whole: to a temporary file, synced, renamed, and the
// folder synced, so that a crash at any moment leaves the old state or the new.
// A Registry is safe for concurrent use, also by several processes.
type Registry struct {
	dir string
	mu  sync.Mutex // with the file lock: guards targets/
}

// standing is what targets/<target>.json says.
type standing struct {
	Champions  []string `json:"champions"` // oldest first; the last one serves
	Challenger string   `json:"challenger,omitempty"`
	Shadow     *Shadow  `json:"shadow,omitempty"` // serves beside the champion; ends with the champion that it was tried against
}

// OpenRegistry opens the registry in dir, and makes it where there is none.
func OpenRegistry(dir string) (*Registry, error) {
	for _, sub := range []string{"objects", "targets"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, fmt.Errorf("open model registry: %w", err)
		}
	}
	return &Registry{dir: dir}, nil
}

// Put registers a fitted model of a target, makes it the target's challenger
// (unless it is the champion already), and returns its id. Putting the same
// model again is no error; its manifest becomes the newer one.
func (r *Registry) Put(ctx context.Context, target string, fitted Fitted, m Manifest) (string, error) {
	if target == "" || strings.ContainsRune(target, '\n') {
		return "", fmt.Errorf("register model: target %q is not a name", target)
	}
	data, err := fitted.MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("register model of %s: %w", target, err)
	}
	object := slices.Concat([]byte(target), []byte{'\n'}, data)
	sum := sha256.Sum256(object)
	id := hex.EncodeToString(sum[:])
	m.ID, m.Target, m.Size, m.Scores = id, target, len(data), finiteScores(m.Scores)
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", fmt.Errorf("register model of %s: %w", target, err)
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("register model of %s: %w", target, err)
	}
	if err := writeWhole(r.object(id), object); err != nil {
		return "", fmt.Errorf("register model of %s: %w", target, err)
	}
	if err := writeWhole(r.manifest(id), manifest); err != nil {
		return "", fmt.Errorf("register model of %s: %w", target, err)
	}
	return id, r.change(target, func(s *standing) error {
		if len(s.Champions) == 0 || s.Champions[len(s.Champions)-1] != id {
			s.Challenger = id
		}
		return nil
	})
}

// Load reads a registered model and checks its bytes against its id. It
// returns ErrNotFound, ErrCorrupt or ErrSchema, wrapped; the text of the latter
// two names the file and the remedy.
func (r *Registry) Load(id string) (Fitted, Manifest, error) {
	m, err := r.Manifest(id)
	if err != nil {
		return nil, Manifest{}, err
	}
	object, err := os.ReadFile(r.object(id))
	if err != nil {
		return nil, m, r.readError(id, r.object(id), err)
	}
	target, data, ok := strings.Cut(string(object), "\n")
	if sum := sha256.Sum256(object); !ok || target != m.Target || hex.EncodeToString(sum[:]) != id {
		return nil, m, r.damaged(m.Target, r.object(id), fmt.Errorf("%w: its content does not match its id", ErrCorrupt))
	}
	fitted, err := Unmarshal([]byte(data))
	if err != nil {
		return nil, m, r.damaged(m.Target, r.object(id), err)
	}
	return fitted, m, nil
}

// Manifest reads the manifest of a registered model.
func (r *Registry) Manifest(id string) (Manifest, error) {
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != sha256.Size {
		return Manifest{}, fmt.Errorf("model %q: %w: want the 64 hex digits of an id", id, ErrNotFound)
	}
	path := r.manifest(id)
	text, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, r.readError(id, path, err)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.ID != id {
		return Manifest{}, r.damaged(m.Target, path, fmt.Errorf("%w: not the manifest of %s", ErrCorrupt, id))
	}
	return m, nil
}

// Champion returns the id of the model that serves a target; ErrNotFound
// (wrapped) where none has been promoted.
func (r *Registry) Champion(target string) (string, error) {
	s, err := r.standing(target)
	if err != nil {
		return "", err
	}
	if len(s.Champions) == 0 {
		return "", fmt.Errorf("champion of %s: %w: none was promoted yet; train", target, ErrNotFound)
	}
	return s.Champions[len(s.Champions)-1], nil
}

// Challenger returns the id of the newest model of a target that was put and
// not promoted; ErrNotFound (wrapped) where there is none.
func (r *Registry) Challenger(target string) (string, error) {
	s, err := r.standing(target)
	if err != nil {
		return "", err
	}
	if s.Challenger == "" {
		return "", fmt.Errorf("challenger of %s: %w", target, ErrNotFound)
	}
	return s.Challenger, nil
}

// Promote makes a registered model the champion of its target, after it has
// been loaded and found whole. The champion before it is kept for Rollback.
func (r *Registry) Promote(target, id string) error {
	_, m, err := r.Load(id)
	if err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	if m.Target != target {
		return fmt.Errorf("promote %s: it is a model of %s, not of %s", id, m.Target, target)
	}
	return r.change(target, func(s *standing) error {
		if s.Challenger == id {
			s.Challenger = ""
		}
		if n := len(s.Champions); n == 0 || s.Champions[n-1] != id {
			s.Champions = append(s.Champions, id)
		}
		s.Shadow = nil
		return nil
	})
}

// Rollback makes the champion before the present one the champion again and
// returns its id. Earlier champions that cannot be read are passed over;
// ErrNotFound (wrapped) where none is left, and nothing is changed.
func (r *Registry) Rollback(target string) (string, error) {
	var id string
	err := r.change(target, func(s *standing) error {
		for n := len(s.Champions) - 1; n > 0; n-- {
			if _, _, err := r.Load(s.Champions[n-1]); err == nil {
				id, s.Champions = s.Champions[n-1], s.Champions[:n]
				s.Shadow = nil
				return nil
			}
		}
		return fmt.Errorf("roll back %s: %w: there is no earlier champion; train", target, ErrNotFound)
	})
	return id, err
}

// List returns the manifests of a target's models, newest first; those of all
// targets where target is empty. Manifests that cannot be read are left out
// and reported in the error, beside the others.
func (r *Registry) List(target string) ([]Manifest, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, "objects"))
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var (
		list []Manifest
		errs []error
	)
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		m, err := r.Manifest(id)
		switch {
		case err != nil:
			errs = append(errs, err)
		case target == "" || m.Target == target:
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Manifest) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, errors.Join(errs...)
}

func (r *Registry) object(id string) string   { return filepath.Join(r.dir, "objects", id+".model") }
func (r *Registry) manifest(id string) string { return filepath.Join(r.dir, "objects", id+".json") }

func (r *Registry) pointer(target string) string {
	return filepath.Join(r.dir, "targets", url.PathEscape(target)+".json")
}

// standing reads who is champion and challenger; nobody where there is no file.
func (r *Registry) standing(target string) (standing, error) {
	var s standing
	path := r.pointer(target)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("models of %s: %w", target, err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return standing{}, fmt.Errorf("%s: %w: %w; remove the file and promote a model of %s again (driftcast models list, promote)",
			path, ErrCorrupt, err, target)
	}
	return s, nil
}

// change rewrites who is champion and challenger, alone among all processes.
func (r *Registry) change(target string, edit func(*standing) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	unlock, err := lockFile(filepath.Join(r.dir, "lock"))
	if err != nil {
		return fmt.Errorf("lock model registry: %w", err)
	}
	defer unlock()
	s, err := r.standing(target)
	if err != nil {
		return err
	}
	if err := edit(&s); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("models of %s: %w", target, err)
	}
	return writeWhole(r.pointer(target), text)
}

func (r *Registry) readError(id, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("model %s: %w: there is no %s", id, ErrNotFound, path)
	}
	return fmt.Errorf("model %s: %w", id, err)
}

func (r *Registry) damaged(target, path string, err error) error {
	if target == "" {
		target = "its target"
	}
	return fmt.Errorf("%s: %w; go back to the champion before it (driftcast models rollback) or train %s again", path, err, target)
}

func finiteScores(scores map[string]float64) map[string]float64 {
	kept := make(map[string]float64, len(scores))
	for name, v := range scores {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			kept[name] = v
		}
	}
	return kept
}
