package models

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keepChampions is how many champions of a target stay, the serving one
// included: so many steps lead back (Rollback).
const keepChampions = 5

// Prune removes the models that were made before a time, and returns how many.
// The last five champions of each target, its challenger and its shadow stay,
// however old. What cannot be removed is told, and tried again next time.
func (r *Registry) Prune(before time.Time) (removed int, err error) {
	list, err := r.List("")
	errs := []error{err}
	byTarget := map[string][]Manifest{}
	for _, m := range list {
		if m.Created.Before(before) {
			byTarget[m.Target] = append(byTarget[m.Target], m)
		}
	}
	for target, old := range byTarget {
		err := r.change(target, func(s *standing) error {
			s.Champions = s.Champions[max(0, len(s.Champions)-keepChampions):]
			for _, m := range old {
				if slices.Contains(s.Champions, m.ID) || s.Challenger == m.ID || s.Shadow != nil && s.Shadow.ID == m.ID {
					continue
				}
				// The manifest first: what is left after a crash is no model any more.
				if err := errors.Join(os.Remove(r.manifest(m.ID)), remove(r.object(m.ID))); err != nil {
					errs = append(errs, err)
					continue
				}
				removed++
			}
			return nil
		})
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, r.sweep(before))...); err != nil {
		return removed, fmt.Errorf("prune models: %w", err)
	}
	return removed, nil
}

// sweep removes what a process that was killed has left from before a time:
// models without a manifest, and files that were not yet whole.
func (r *Registry) sweep(before time.Time) error {
	dir := filepath.Join(r.dir, "objects")
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		id, object := strings.CutSuffix(e.Name(), ".model")
		if !object && !strings.HasPrefix(e.Name(), ".new-") {
			continue
		}
		if _, err := os.Stat(r.manifest(id)); object && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if info, err := e.Info(); err != nil || !info.ModTime().Before(before) {
			continue // gone meanwhile, or on its way
		}
		errs = append(errs, remove(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
