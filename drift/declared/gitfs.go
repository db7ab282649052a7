package declared

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
)

// submodule is the mode of what is another repository.
const submodule = fs.ModeIrregular

// gitFS is the tree of a commit as a file system. Nothing is checked out. Links
// and submodules are listed, and not followed: they open as what is not there.
type gitFS struct {
	root *gitobject.Tree
	at   time.Time // of the commit
}

// Open implements fs.FS.
func (g gitFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	missing := func(err error) (fs.File, error) {
		if err == nil || errors.Is(err, gitobject.ErrEntryNotFound) || errors.Is(err, gitobject.ErrDirectoryNotFound) || errors.Is(err, gitobject.ErrFileNotFound) {
			err = fs.ErrNotExist
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if name == "." {
		return &gitDir{gitInfo: gitInfo{name: ".", mode: fs.ModeDir | 0o755, at: g.at}, fs: g, tree: g.root}, nil
	}
	entry, err := g.root.FindEntry(name)
	if err != nil {
		return missing(err)
	}
	info := gitInfo{name: path.Base(name), at: g.at}
	switch entry.Mode {
	case filemode.Dir:
		tree, err := g.root.Tree(name)
		if err != nil {
			return missing(err)
		}
		info.mode = fs.ModeDir | 0o755
		return &gitDir{gitInfo: info, fs: g, tree: tree}, nil
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		file, err := g.root.TreeEntryFile(entry)
		if err != nil {
			return missing(err)
		}
		reader, err := file.Reader()
		if err != nil {
			return missing(err)
		}
		info.mode, info.size = 0o644, file.Size
		return &gitFile{gitInfo: info, ReadCloser: reader}, nil
	}
	return missing(nil)
}

type gitInfo struct {
	name string
	size int64
	mode fs.FileMode
	at   time.Time
}

func (i gitInfo) Name() string               { return i.name }
func (i gitInfo) Size() int64                { return i.size }
func (i gitInfo) Mode() fs.FileMode          { return i.mode }
func (i gitInfo) ModTime() time.Time         { return i.at }
func (i gitInfo) IsDir() bool                { return i.mode.IsDir() }
func (i gitInfo) Sys() any                   { return nil }
func (i gitInfo) Stat() (fs.FileInfo, error) { return i, nil }

type gitFile struct {
	gitInfo
	io.ReadCloser
}

type gitDir struct {
	gitInfo
	fs   gitFS
	tree *gitobject.Tree
	next int
}

func (d *gitDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *gitDir) Close() error { return nil }

// ReadDir implements fs.ReadDirFile.
func (d *gitDir) ReadDir(n int) (entries []fs.DirEntry, err error) {
	for ; d.next < len(d.tree.Entries) && (n <= 0 || len(entries) < n); d.next++ {
		e := d.tree.Entries[d.next]
		info := gitInfo{name: e.Name, mode: 0o644, at: d.at}
		switch e.Mode {
		case filemode.Dir:
			info.mode = fs.ModeDir | 0o755
		case filemode.Symlink:
			info.mode = fs.ModeSymlink
		case filemode.Submodule:
			info.mode = submodule
		default:
			if info.size, err = d.tree.Size(e.Name); err != nil {
				return entries, err
			}
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	if n > 0 && len(entries) == 0 {
		return nil, io.EOF
	}
	return entries, nil
}
