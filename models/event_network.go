package models

import (
	"context"
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

// Network is a small neural network over the frame's columns with one output a
// horizon. gorgonia trains it.
type Network struct{}

// Name implements Model.
func (Network) Name() string { return "gorgonia-network" }

// Fit implements Model.
func (m Network) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return fitEvent(ctx, m.Name(), true, f, o, crossed(func(ctx context.Context, d eventData) (eventScorer, error) {
		return fitNetwork(ctx, d, o)
	}))
}

const (
	networkHidden   = 16
	networkRows     = 30_000
	networkBatch    = 256
	networkEpochs   = 30
	networkPatience = 4   // epochs without a better held-out loss
	networkHeldOut  = 0.2 // latest share of the rows, to stop by
	networkRate     = 0.003
	networkDecay    = 1e-5
)

// network scores a row by flat weights; see layers.
type network struct {
	scaling
	layers
}

func fitNetwork(ctx context.Context, d eventData, o FitOptions) (best eventScorer, err error) {
	p := len(d.frame.Columns)
	if p == 0 {
		return nil, fmt.Errorf("%w: the target has no columns", ErrTooFewRows)
	}
	rng := newRand(o.Seed)
	train, held := d.split(networkHeldOut)
	train, weights := train.thin(networkRows, rng)
	held, heldWeights := held.thin(networkRows, rng)
	n := &network{scaling: fitScaling(d.frame.X, p, train.rows)}
	x := n.design(d.frame.X, train.rows)

	l := newLayers(2*p, networkHidden, d.horizons, rng)
	for h := range l.b2 { // start from the base rates
		l.b2[h] = logit(baseRate(d, h))
	}
	batch := max(1, min(networkBatch, len(train.rows)))
	t, err := newTrainer(l, batch, networkRate, networkDecay)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := t.close(); err == nil {
			err = closeErr
		}
	}()
	order := rng.Perm(len(train.rows))
	lowest, since := math.Inf(1), 0
	for epoch := 0; epoch < networkEpochs && since < networkPatience; epoch++ {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for at := 0; at+batch <= len(order); at += batch {
			rows := order[at : at+batch]
			if err := t.step(ctx, func(bx, by, bw []float64) {
				fillBatch(train, weights, x, rows, bx, by, bw)
			}); err != nil {
				return nil, err
			}
		}
		current := &network{scaling: n.scaling}
		if current.layers, err = t.weights(); err != nil {
			return nil, err
		}
		if !finite(current.w1...) || !finite(current.b1...) || !finite(current.w2...) || !finite(current.b2...) {
			break
		}
		since++
		if loss := meanLoss(current, held, heldWeights); loss < lowest || best == nil {
			lowest, best, since = loss, current, 0
		}
		if o.Progress != nil {
			o.Progress(epoch+1, networkEpochs+1)
		}
	}
	if best == nil {
		return nil, fmt.Errorf("train the network: it does not converge")
	}
	return best, nil
}

// fillBatch writes the given rows of the design x, their labels and weights; a
// weight is scaled by the size of the batch, and 0 where the label is unknown.
func fillBatch(d eventData, weights, x []float64, rows []int, bx, by, bw []float64) {
	q := len(x) / len(d.rows)
	for i, r := range rows {
		copy(bx[i*q:(i+1)*q], x[r*q:(r+1)*q])
		for h := range d.horizons {
			y, w := d.label(r, h), weights[r]/float64(len(rows))
			if math.IsNaN(y) {
				y, w = 0, 0
			}
			by[i*d.horizons+h], bw[i*d.horizons+h] = y, w
		}
	}
}

// meanLoss is the weighted cross-entropy over all known labels.
func meanLoss(m eventScorer, d eventData, weights []float64) float64 {
	var loss, total float64
	out := make([]Risk, d.horizons)
	for i, row := range d.rows {
		m.score(d.frame, row, out)
		for h, r := range out {
			if y := d.label(i, h); !math.IsNaN(y) {
				loss += weights[i] * crossEntropy(r.Probability, y)
				total += weights[i]
			}
		}
	}
	return loss / total
}

func (m *network) score(f *features.Frame, row int, out []Risk) {
	var hidden [networkHidden]float64
	m.forward(f.Features(row), -1, &hidden)
	for h := range out {
		z := m.b2[h]
		for k, a := range hidden {
			z += m.w2[k*m.outputs+h] * a
		}
		out[h].Probability = z
	}
}

// forward computes the hidden layer, with the column `without` (if not −1) at
// its mean.
func (m *network) forward(x []float64, without int, hidden *[networkHidden]float64) {
	copy(hidden[:], m.b1)
	p := len(m.mean)
	for j, v := range x {
		z, missing := m.at(j, v)
		at := j
		if missing {
			z, at = 1, p+j
		}
		if z == 0 || j == without {
			continue
		}
		w := m.w1[at*networkHidden : (at+1)*networkHidden]
		for k := range hidden {
			hidden[k] += w[k] * z
		}
	}
	for k, a := range hidden {
		hidden[k] = math.Tanh(a)
	}
}

// explain names how the log-odds of the longest horizon move when a column is
// put at its mean.
func (m *network) explain(f *features.Frame, row int, dst []Driver) []Driver {
	x, from, last := f.Features(row), len(dst), m.outputs-1
	odds := func(without int) (z float64) {
		var hidden [networkHidden]float64
		m.forward(x, without, &hidden)
		for k, a := range hidden {
			z += m.w2[k*m.outputs+last] * a
		}
		return z
	}
	all := odds(-1)
	for j, v := range x {
		if moved := all - odds(j); moved != 0 {
			dst = append(dst, driver(f.Columns[j], v, moved))
		}
	}
	return strongest(dst, from)
}

func (m *network) pack(p *packer) {
	m.scaling.pack(p)
	p.floats(m.w1)
	p.floats(m.b1)
	p.floats(m.w2)
	p.floats(m.b2)
}

func unpackNetwork(u *unpacker, horizons, columns int) (eventScorer, error) {
	m := &network{scaling: unpackScaling(u, columns)}
	m.layers = layers{inputs: 2 * columns, hidden: networkHidden, outputs: horizons, w1: u.floats(), b1: u.floats(), w2: u.floats(), b2: u.floats()}
	if u.err == nil && (len(m.w1) != m.inputs*m.hidden || len(m.b1) != m.hidden || len(m.w2) != m.hidden*m.outputs || len(m.b2) != m.outputs ||
		!finite(m.w1...) || !finite(m.b1...) || !finite(m.w2...) || !finite(m.b2...)) {
		u.fail("weights")
	}
	return m, u.err
}
