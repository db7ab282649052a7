package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/driftcast/driftcast/models"
)

// exportFile is --export; without it every method does nothing.
type exportFile struct {
	file *os.File
	out  *models.Export
}

func openExport(path string) (*exportFile, error) {
	if path == "" {
		return &exportFile{}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--export: %w", err)
	}
	return &exportFile{file, models.NewExport(file, strings.HasSuffix(path, ".gz"))}, nil
}

func (e *exportFile) level(r models.LevelRow) error {
	if e.out == nil {
		return nil
	}
	return e.out.Level(r)
}

func (e *exportFile) event(r models.EventRow) error {
	if e.out == nil {
		return nil
	}
	return e.out.Event(r)
}

func (e *exportFile) close() error {
	if e.out == nil {
		return nil
	}
	return errors.Join(e.out.Close(), e.file.Close())
}
