package declared

import (
	"errors"
	"os"

	"github.com/go-git/go-billy/v5"
)

// errQuota says that a clone outgrew git.max_size.
var errQuota = errors.New("the repository is larger than git.max_size")

// quota is a file system that takes so many bytes and no more. Not safe for
// concurrent use: one clone owns it.
type quota struct {
	billy.Filesystem
	left int64
}

// Create implements billy.Filesystem.
func (q *quota) Create(name string) (billy.File, error) { return q.wrap(q.Filesystem.Create(name)) }

// OpenFile implements billy.Filesystem.
func (q *quota) OpenFile(name string, flag int, mode os.FileMode) (billy.File, error) {
	return q.wrap(q.Filesystem.OpenFile(name, flag, mode))
}

// TempFile implements billy.Filesystem.
func (q *quota) TempFile(dir, prefix string) (billy.File, error) {
	return q.wrap(q.Filesystem.TempFile(dir, prefix))
}

func (q *quota) wrap(f billy.File, err error) (billy.File, error) {
	if err != nil {
		return nil, err
	}
	return &quotaFile{f, q}, nil
}

type quotaFile struct {
	billy.File
	quota *quota
}

// Write implements io.Writer.
func (f *quotaFile) Write(p []byte) (int, error) {
	if f.quota.left -= int64(len(p)); f.quota.left < 0 {
		return 0, errQuota
	}
	return f.File.Write(p)
}
