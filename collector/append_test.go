package collector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
)

func TestAppendRefusesWhatPromQLCouldNotFind(t *testing.T) {
	h := openHistory(t, collector.HistoryOptions{})
	one := func(l ...collector.Label) []collector.Series {
		return []collector.Series{ramp(epoch, time.Minute, 1, l...)}
	}
	for _, tc := range []struct {
		name, signal string
		series       []collector.Series
		want         string
	}{
		{"name with a space", "gpu power", one(), `"gpu power" is not a metric name`},
		{"no name", "", one(), "is not a metric name"},
		{"label without a name", "power", one(collector.Label{Value: "x"}), "not sorted"},
		{"labels not sorted", "power", one(node("a"), collector.Label{Name: "gpu", Value: "0"}), `"node" and "gpu" of series 0 are not sorted`},
		{"label twice", "power", one(node("a"), node("b")), "not sorted"},
		{"reserved label", "power", one(collector.Label{Name: "__name__", Value: "x"}), `a label named "__name__"`},
		{"times without values", "power", []collector.Series{{Times: []int64{1}}}, "1 times and 0 values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := h.Append(t.Context(), tc.signal, tc.series); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if got := stored(t, h); len(got) != 0 {
		t.Errorf("stored %v", got)
	}
	full := one(collector.Label{Name: "UUID", Value: "GPU-1"}, collector.Label{Name: "__meta", Value: "m"}, node("a"))
	if n, err := h.Append(t.Context(), "DCGM_FI_DEV_GPU_UTIL", full); err != nil || n != 1 {
		t.Error(n, err)
	}
	if got := samples(t, h, "DCGM_FI_DEV_GPU_UTIL"); len(got.Labels) != 3 {
		t.Errorf("labels are %v", got.Labels)
	}
}
