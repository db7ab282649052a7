package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// FuzzDetail reads any bytes as the detail of a forecast: an error or a
// forecast that is written back as it was read, never a panic.
func FuzzDetail(f *testing.F) {
	one := level("T", "a", start, 1, 0.1)
	one.Drivers = []models.Driver{{Column: "c", Value: 1, Contribution: 2, Text: "t"}}
	f.Add(store.EncodeDetail(&one))
	f.Add(store.EncodeDetail(&models.Forecast{}))
	f.Add([]byte{1, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, again models.Forecast
		if err := store.DecodeDetail(data, &got); err != nil {
			return
		}
		written := store.EncodeDetail(&got)
		if err := store.DecodeDetail(written, &again); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if !bytes.Equal(written, store.EncodeDetail(&again)) {
			t.Error("what was read is written differently the second time")
		}
	})
}

// FuzzCursor takes any text for a cursor: a page, or ErrQuery.
func FuzzCursor(f *testing.F) {
	s := fresh(f)
	if err := s.PutForecasts(f.Context(), []models.Forecast{level("T", "a", start, 1, 0.1), level("T", "b", start, 1, 0.2)}); err != nil {
		f.Fatal(err)
	}
	_, next, err := s.Forecasts(f.Context(), forecaster.ForecastQuery{Limit: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(next)
	f.Add("eyJvIjoicmlzayJ9")
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, _, err := s.Forecasts(t.Context(), forecaster.ForecastQuery{Cursor: cursor}); err != nil && !errors.Is(err, forecaster.ErrQuery) {
			t.Errorf("got %v", err)
		}
	})
}
