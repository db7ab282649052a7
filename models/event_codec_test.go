package models_test

import (
	"errors"
	"testing"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// FuzzUnmarshalEvent wants no panic from the damaged bytes of event models,
// and well-formed risks from those that can still be read.
func FuzzUnmarshalEvent(f *testing.F) {
	target := eventTarget()
	p := modeltest.Panel(target, 4, 700, 1)
	var origins []int
	for i := 20; i < 700; i += 4 {
		origins = append(origins, i)
	}
	frame, err := features.Extract(p, target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range models.Catalog(target) {
		if m.Name() == (models.Forest{}).Name() {
			m = models.Forest{Trees: 2}
		}
		data, err := fitOn(f, m, frame).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fitted, err := models.Unmarshal(models.Reseal(data))
		if err != nil {
			if !errors.Is(err, models.ErrCorrupt) && !errors.Is(err, models.ErrSchema) {
				t.Fatalf("got %v, want ErrCorrupt or ErrSchema", err)
			}
			return
		}
		var out models.Forecast
		if err := fitted.Predict(frame, 0, &out); err == nil && len(out.Risks) > 0 && len(out.Path) == 0 {
			if wrong := modeltest.WellFormed(frame, 0, &out); wrong != "" {
				t.Fatalf("%s: %+v", wrong, out)
			}
			fitted.(models.Explainer).Explain(frame, 0, nil)
		}
	})
}
