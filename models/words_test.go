package models_test

import (
	"math"
	"testing"

	"github.com/driftcast/driftcast/models"
)

func TestQuantitiesReadAsPeopleWriteThem(t *testing.T) {
	for name, test := range map[string]struct {
		value float64
		unit  string
		want  string
	}{
		"seconds":               {0.251, "s", "0.251 s"},
		"many seconds":          {5120, "s", "1h25m20s"},
		"hours":                 {0.25, "h", "15m"},
		"days of hours":         {840, "h", "35d"},
		"bytes":                 {1.33e10, "bytes", "12.4 GiB"},
		"a large count":         {123456, "", "123000"},
		"a large count of":      {5120, "requests", "5120 requests"},
		"a ratio":               {0.12345, "ratio", "0.123"},
		"tiny":                  {1.2e-7, "1", "1.2e-07"},
		"beyond counting":       {1e18, "", "1e+18"},
		"infinite":              {math.Inf(1), "s", "+Inf s"},
		"seconds without bound": {1e300, "s", "1e+300 s"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := models.Quantity(test.value, test.unit); got != test.want {
				t.Errorf("quantity(%v, %q) = %q, want %q", test.value, test.unit, got, test.want)
			}
		})
	}
}
