package declared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Revision is a named state of a source: a commit, or the digest of what a
// directory declares.
type Revision struct {
	ID      string    `json:"id"` // full commit, or sha256:…
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"` // of the commit
	Subject string    `json:"subject,omitempty"`
}

// origin is where the files of a source come from.
type origin interface {
	// newest looks for the newest revision. Where the revision is not known
	// before the files are read, ID is empty.
	newest(ctx context.Context) (Revision, error)
	// files gives the files of a revision, and done to let go of them.
	// ErrRevision means that it cannot be had any more.
	files(ctx context.Context, id string) (t tree, r Revision, done func(), err error)
	kind() string // git or directory
}

// ErrRevision says that a named revision is not to be had.
var ErrRevision = errors.New("this revision is not to be had any more")

// directory is an origin on disk. It has no past.
type directory struct{ path string }

func (d directory) kind() string { return "directory" }

func (d directory) newest(context.Context) (Revision, error) { return Revision{}, nil }

func (d directory) files(_ context.Context, id string) (tree, Revision, func(), error) {
	if id != "" {
		return tree{}, Revision{}, nil, fmt.Errorf("directory %s: %s: %w (a directory keeps its newest states only; keep the manifests in Git)", d.path, id, ErrRevision)
	}
	full, err := filepath.Abs(d.path)
	if err != nil {
		return tree{}, Revision{}, nil, err
	}
	if full, err = filepath.EvalSymlinks(full); err != nil {
		return tree{}, Revision{}, nil, fmt.Errorf("directory %s: %w", d.path, err)
	}
	below := "."
	if info, err := os.Stat(full); err == nil && !info.IsDir() { // a single file
		full, below = filepath.Dir(full), filepath.Base(full)
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return tree{}, Revision{}, nil, fmt.Errorf("directory %s: %w", d.path, err)
	}
	files := root.FS()
	return tree{files: files, path: below, kustomize: filesys.MakeFsOnDisk(), kustomizeRoot: full}, Revision{},
		func() { _ = root.Close() }, nil // opened to read
}
