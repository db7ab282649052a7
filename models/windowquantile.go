package models

import (
	"context"
	"strconv"

	"github.com/driftcast/driftcast/features"
)

const kindWindow = "window-quantile"

// WindowQuantile forecasts the empirical quantiles of the last N known values,
// for every lead alike, each moved by its conformal offset.
type WindowQuantile struct {
	N int // known values, at most 256; 0: 32
}

const defaultWindow = 32

// Name implements Model: window-quantile for the default window, with the
// window behind it for others.
func (m WindowQuantile) Name() string {
	if m.window() == defaultWindow {
		return "window-quantile"
	}
	return "window-quantile-" + strconv.Itoa(m.window())
}

// Fit implements Model.
func (m WindowQuantile) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return asFitted(fitLevel(ctx, kindWindow, m.Name(), recentWindow{n: m.window()}, f, o))
}

func (m WindowQuantile) window() int {
	if m.N <= 0 {
		return defaultWindow
	}
	return min(m.N, recentLength)
}

// recentWindow is the base of WindowQuantile.
type recentWindow struct{ n int }

func (b recentWindow) path(h *history, leads []int, q []float64) {
	writeWindow(h.sorted(min(b.n, h.known)), len(leads), q)
}

// writeWindow writes the quantiles of an ascending window for so many leads
// alike.
func writeWindow(window []float64, leads int, q []float64) {
	first := q[:len(Quantiles)]
	for i, level := range Quantiles {
		first[i] = windowQuantile(window, level)
	}
	for i := 1; i < leads; i++ {
		copy(q[i*len(Quantiles):], first)
	}
}

// prior trusts the window: its quantiles are spread already.
func (recentWindow) prior(int, float64) float64 { return 0 }

func (recentWindow) centred() bool    { return false }
func (recentWindow) kind() string     { return kindWindow }
func (b recentWindow) pack(p *packer) { p.integer(b.n) }

// windowQuantile is the quantile of ascending x, linear between order
// statistics at rank (n−1)·level (Hyndman and Fan 1996, type 7). x is not
// empty.
func windowQuantile(x []float64, level float64) float64 {
	r := level * float64(len(x)-1)
	i := int(r)
	if i >= len(x)-1 {
		return x[len(x)-1]
	}
	w := r - float64(i)
	return (1-w)*x[i] + w*x[i+1]
}
