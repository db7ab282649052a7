package models_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

func TestUnmarshalTellsDamageFromAge(t *testing.T) {
	data, err := fittedOn(t, 1).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b byte) []byte {
		c := bytes.Clone(data)
		c[at] = b
		return c
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":               {nil, models.ErrCorrupt},
		"another file":          {[]byte("#!/bin/sh\necho hello\n"), models.ErrCorrupt},
		"cut short":             {data[:len(data)-1], models.ErrCorrupt},
		"longer":                {append(bytes.Clone(data), 0), models.ErrCorrupt},
		"a payload byte":        {change(len(data)-20, data[len(data)-20]^1), models.ErrCorrupt},
		"the checksum":          {change(len(data)-1, data[len(data)-1]^1), models.ErrCorrupt},
		"a later format":        {change(4, 200), models.ErrSchema},
		"the kind, no checksum": {change(6, 'x'), models.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := models.Unmarshal(tc.data); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// FuzzUnmarshal wants no panic from any bytes, and from those that are a
// model a model that predicts.
func FuzzUnmarshal(f *testing.F) {
	target := levelTarget(features.ScaleLog)
	target.Objective = &features.Objective{Op: "<", Bound: 1}
	p := modeltest.Panel(target, 2, 240, 1)
	train, err := features.Extract(p, target, features.Options{Origins: []int{90, 120, 150, 180}, Labels: true})
	if err != nil {
		f.Fatal(err)
	}
	ask, err := features.Extract(p, target, features.Options{Origins: []int{200}})
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range models.Catalog(target) {
		fitted, err := m.Fit(context.Background(), train, models.FitOptions{})
		if err != nil {
			f.Fatal(err)
		}
		data, err := fitted.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range [][]byte{data, models.Reseal(data)} {
			fitted, err := models.Unmarshal(d)
			if err != nil {
				if !errors.Is(err, models.ErrCorrupt) && !errors.Is(err, models.ErrSchema) {
					t.Fatalf("got %v, want ErrCorrupt or ErrSchema", err)
				}
				continue
			}
			var out models.Forecast
			if err := fitted.Predict(ask, 0, &out); err == nil && len(out.Path) > 0 {
				if wrong := modeltest.WellFormed(ask, 0, &out); wrong != "" {
					t.Fatalf("%s: %+v", wrong, out)
				}
			}
		}
	})
}
