package features

import (
	"github.com/driftcast/driftcast/collector"
)

// File is what one target file says.
type File struct {
	Name    string
	targets []*Target
	signals []collector.Signal
}

// Targets returns the file's targets in the order of the file.
func (f *File) Targets() []*Target { return f.targets }

// Signals returns the file's named signals in the order of the file.
func (f *File) Signals() []collector.Signal { return f.signals }

// ParseFile reads a target file.
func ParseFile(name string, text []byte) (*File, error) {
	return &File{Name: name}, nil
}

// ParseFiles reads target files by name and checks them together.
func ParseFiles(texts map[string][]byte) ([]*File, error) {
	return nil, nil
}

// Collect returns everything to be collected for the files.
func Collect(files []*File) []collector.Signal { return nil }
