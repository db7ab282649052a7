package features

import (
	"math"
	"time"
)

// calendarColumns are time of day and of week, each as a point on a circle so
// that midnight is near midnight. Times are UTC.
var calendarColumns = []Column{
	{Name: "day_sin", Text: "time of day (UTC), sine"},
	{Name: "day_cos", Text: "time of day (UTC), cosine"},
	{Name: "week_sin", Text: "time of week (UTC), sine"},
	{Name: "week_cos", Text: "time of week (UTC), cosine"},
}

// calendar appends the values of calendarColumns at t.
func calendar(t time.Time, dst []float64) []float64 {
	t = t.UTC()
	day := t.Sub(t.Truncate(24*time.Hour)).Hours() / 24
	week := (float64(t.Weekday()) + day) / 7
	daySin, dayCos := math.Sincos(2 * math.Pi * day)
	weekSin, weekCos := math.Sincos(2 * math.Pi * week)
	return append(dst, daySin, dayCos, weekSin, weekCos)
}
