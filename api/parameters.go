package api

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/collector"
)

// readDuration reads a Prometheus duration or seconds; 0 where there is none.
func readDuration(name string, p *string) (time.Duration, error) {
	if p == nil {
		return 0, nil
	}
	if s, err := strconv.ParseFloat(*p, 64); err == nil && s > 0 && s < math.MaxInt64/float64(time.Second) {
		return time.Duration(s * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(*p)
	if err != nil || d <= 0 {
		return 0, badParameter(name, "%q is no duration over 0 such as 15m, 6h, 1d or 900", *p)
	}
	return time.Duration(d), nil
}

// readTime reads RFC 3339 or Unix seconds; absent where there is none.
func readTime(name string, p *string, absent time.Time) (time.Time, error) {
	if p == nil {
		return absent, nil
	}
	if s, err := strconv.ParseFloat(*p, 64); err == nil && math.Abs(s) < 1e11 {
		return time.UnixMilli(int64(s * 1000)), nil
	}
	t, err := time.Parse(time.RFC3339, *p)
	if err != nil {
		return time.Time{}, badParameter(name, "%q is no time such as 2026-11-23T05:00:00Z or 1795410000", *p)
	}
	return t, nil
}

func readSubject(name, value string) (collector.Subject, error) {
	s, err := collector.ParseSubject(value)
	if err != nil {
		return s, badParameter(name, "%v", err)
	}
	return s, nil
}
