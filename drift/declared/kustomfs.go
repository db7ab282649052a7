package declared

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// readOnly lets kustomize read an fs.FS, whose root is /. Writing is refused.
type readOnly struct{ files fs.FS }

func (r readOnly) rel(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return name
}

func refused(operation, name string) error {
	return &fs.PathError{Op: operation, Path: name, Err: fs.ErrPermission}
}

// Create implements filesys.FileSystem.
func (r readOnly) Create(name string) (filesys.File, error) { return nil, refused("create", name) }

// Mkdir implements filesys.FileSystem.
func (r readOnly) Mkdir(name string) error { return refused("mkdir", name) }

// MkdirAll implements filesys.FileSystem.
func (r readOnly) MkdirAll(name string) error { return refused("mkdir", name) }

// RemoveAll implements filesys.FileSystem.
func (r readOnly) RemoveAll(name string) error { return refused("remove", name) }

// WriteFile implements filesys.FileSystem.
func (r readOnly) WriteFile(name string, _ []byte) error { return refused("write", name) }

// Open implements filesys.FileSystem.
func (r readOnly) Open(name string) (filesys.File, error) {
	f, err := r.files.Open(r.rel(name))
	if err != nil {
		return nil, err
	}
	return readOnlyFile{f}, nil
}

type readOnlyFile struct{ fs.File }

func (f readOnlyFile) Write([]byte) (int, error) { return 0, refused("write", "") }

// IsDir implements filesys.FileSystem.
func (r readOnly) IsDir(name string) bool {
	info, err := fs.Stat(r.files, r.rel(name))
	return err == nil && info.IsDir()
}

// Exists implements filesys.FileSystem.
func (r readOnly) Exists(name string) bool {
	_, err := fs.Stat(r.files, r.rel(name))
	return err == nil
}

// ReadDir implements filesys.FileSystem.
func (r readOnly) ReadDir(name string) (names []string, err error) {
	entries, err := fs.ReadDir(r.files, r.rel(name))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// ReadFile implements filesys.FileSystem.
func (r readOnly) ReadFile(name string) ([]byte, error) {
	info, err := fs.Stat(r.files, r.rel(name))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d MiB: more than is read of one file", name, info.Size()>>20)
	}
	return fs.ReadFile(r.files, r.rel(name))
}

// CleanedAbs implements filesys.FileSystem.
func (r readOnly) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	full := path.Clean("/" + name)
	switch {
	case r.IsDir(full):
		return filesys.ConfirmedDir(full), "", nil
	case r.Exists(full):
		return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: full, Err: os.ErrNotExist}
}

// Glob implements filesys.FileSystem.
func (r readOnly) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(r.files, r.rel(pattern))
	for i := range names {
		names[i] = "/" + names[i]
	}
	return names, err
}

// Walk implements filesys.FileSystem.
func (r readOnly) Walk(name string, visit filepath.WalkFunc) error {
	return fs.WalkDir(r.files, r.rel(name), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return visit("/"+p, nil, err)
		}
		info, err := d.Info()
		return visit("/"+p, info, err)
	})
}
