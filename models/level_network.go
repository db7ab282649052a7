package models

import (
	"context"
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

const kindQuantileNetwork = "quantile-network"

const (
	quantileHidden   = 48
	quantileBatch    = 256
	quantileSteps    = 2400 // batches at most
	quantilePasses   = 5    // over the samples at most
	quantilePatience = 3    // looks at the held ones without a better loss
	quantileLooks    = 16
	quantileRate     = 0.003
	quantileDecay    = 1e-5
	quantileSmooth   = 0.05 // units
)

// quantileNetwork is a base of a network of one hidden layer that moves the
// quantiles of the recent window, in local units. Its last layer starts at
// zero, so that training starts from the window; where it does not lower the
// loss on the latest actuals, the window stands.
type quantileNetwork struct {
	features localFeatures
	mean     []float64 // of each squashed column
	scale    []float64 // one over its standard deviation
	layers             // hidden 0: the window stands
}

// learnNetwork is the learner of quantileNetwork.
func learnNetwork(ctx context.Context, f *features.Frame, rows []int, o FitOptions) (_ base, err error) {
	b := &quantileNetwork{features: localFeatures{season: f.Target.SeasonSteps()}}
	s, err := b.features.gather(ctx, f, rows)
	if err != nil {
		return nil, err
	}
	if s.held == nil {
		return b, nil
	}
	b.standardise(s)
	rng := newRand(o.Seed)
	l := newLayers(localWidth, quantileHidden, len(Quantiles), rng)
	clear(l.w2)
	t, err := newQuantileTrainer(l, Quantiles[:], quantileSmooth, quantileBatch, quantileRate, quantileDecay)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := t.close(); err == nil {
			err = closeErr
		}
	}()
	var train, held []int
	for i, h := range s.held {
		if h {
			held = append(held, i)
		} else {
			train = append(train, i)
		}
	}
	var (
		lowest = b.loss(s, held, layers{})
		steps  = min(quantileSteps, quantilePasses*len(train)/quantileBatch+1)
		every  = max(1, steps/quantileLooks)
		since  int
	)
	for step := 1; step <= steps && since < quantilePatience; step++ {
		if err := t.step(ctx, func(x, y, w []float64) {
			for i := range quantileBatch {
				b.fill(s, train[rng.IntN(len(train))], i, x, y, w)
			}
		}); err != nil {
			return nil, err
		}
		if step%every > 0 && step < steps {
			continue
		}
		if o.Progress != nil {
			o.Progress(step, steps)
		}
		l, err := t.weights()
		if err != nil {
			return nil, err
		}
		if !finite(l.w1...) || !finite(l.b1...) || !finite(l.w2...) || !finite(l.b2...) {
			break
		}
		since++
		if loss := b.loss(s, held, l); loss < lowest {
			lowest, b.layers, since = loss, l, 0
		}
	}
	return b, nil
}

// standardise sets mean and scale from the samples that are not held.
func (b *quantileNetwork) standardise(s *localSamples) {
	b.mean, b.scale = make([]float64, localWidth), make([]float64, localWidth)
	squares, n := make([]float64, localWidth), make([]float64, localWidth)
	for i, held := range s.held {
		if held {
			continue
		}
		for j, v := range s.x[i*localWidth : (i+1)*localWidth] {
			if v = squash(v); v == v {
				b.mean[j] += v
				squares[j] += v * v
				n[j]++
			}
		}
	}
	for j := range b.mean {
		if n[j] == 0 {
			continue
		}
		b.mean[j] /= n[j]
		if variance := squares[j]/n[j] - b.mean[j]*b.mean[j]; variance > 1e-9 {
			b.scale[j] = 1 / math.Sqrt(variance)
		}
	}
}

// squash keeps small numbers as they are and large ones from taking over.
func squash(v float64) float64 {
	if v < 0 {
		return -math.Log1p(-v)
	}
	return math.Log1p(v)
}

// design writes the inputs of the network for a feature vector; what is
// unknown is at its mean.
func (b *quantileNetwork) design(x, out []float64) {
	for j, v := range x {
		z := (squash(v) - b.mean[j]) * b.scale[j]
		if z != z {
			z = 0
		}
		out[j] = z
	}
}

// fill writes sample i as the at-th of a batch.
func (b *quantileNetwork) fill(s *localSamples, i, at int, x, y, w []float64) {
	const n = len(Quantiles)
	b.design(s.x[i*localWidth:(i+1)*localWidth], x[at*localWidth:(at+1)*localWidth])
	for k := range n {
		y[at*n+k] = s.y[i] - s.start[i*n+k]
		w[at*n+k] = s.weight[i] / quantileBatch
	}
}

// loss is the weighted pinball loss of some samples under some weights.
func (b *quantileNetwork) loss(s *localSamples, samples []int, l layers) float64 {
	const n = len(Quantiles)
	var x [localWidth]float64
	var q [n]float64
	var sum, total float64
	for _, i := range samples {
		copy(q[:], s.start[i*n:])
		b.design(s.x[i*localWidth:(i+1)*localWidth], x[:])
		l.add(x[:], q[:])
		sortFew(q[:])
		for k, level := range Quantiles {
			sum += s.weight[i] * pinball(level, q[k], s.y[i])
		}
		total += s.weight[i]
	}
	return sum / total
}

// add adds the outputs for x to out.
func (l *layers) add(x, out []float64) {
	if l.hidden == 0 {
		return
	}
	var hidden [quantileHidden]float64
	copy(hidden[:], l.b1)
	for j, v := range x {
		w := l.w1[j*quantileHidden : (j+1)*quantileHidden]
		for k, a := range w {
			hidden[k] += a * v
		}
	}
	for k, v := range l.b2 {
		out[k] += v
	}
	for j, v := range hidden {
		v = math.Tanh(v)
		for k, a := range l.w2[j*l.outputs : (j+1)*l.outputs] {
			out[k] += a * v
		}
	}
}

func (b *quantileNetwork) path(h *history, leads []int, q []float64) {
	const n = len(Quantiles)
	var index [knotsRoom]int
	row, x := h.take(localWidth), h.take(localWidth)
	l := b.features.begin(h, row)
	knots := appendKnots(index[:0], leads, b.features.season)
	for _, i := range knots {
		at := q[i*n : (i+1)*n]
		b.features.lead(h, &l, leads[i], row[rowColumns:])
		b.features.start(leads[i], row[columnLast], &l.start, at)
		if b.hidden > 0 {
			b.design(row, x)
			b.add(x, at)
		}
		for j, v := range at {
			at[j] = l.back(v)
		}
		sortFew(at)
	}
	betweenKnots(leads, knots, q)
}

func (*quantileNetwork) prior(int, float64) float64 { return 0 }
func (*quantileNetwork) centred() bool              { return false }
func (*quantileNetwork) kind() string               { return kindQuantileNetwork }

func (b *quantileNetwork) pack(p *packer) {
	b.features.pack(p)
	p.integer(b.hidden)
	if b.hidden > 0 {
		for _, v := range [][]float64{b.mean, b.scale, b.w1, b.b1, b.w2, b.b2} {
			p.floats(v)
		}
	}
}

func unpackQuantileNetwork(u *unpacker) (base, error) {
	b := new(quantileNetwork)
	var err error
	if b.features, err = unpackLocalFeatures(u); err != nil {
		return nil, err
	}
	hidden := u.integer()
	if hidden != 0 && hidden != quantileHidden {
		return nil, fmt.Errorf("%w: %d hidden units", ErrCorrupt, hidden)
	}
	if hidden == 0 {
		return b, nil
	}
	b.layers = layers{inputs: localWidth, hidden: hidden, outputs: len(Quantiles)}
	for _, field := range []struct {
		to   *[]float64
		size int
	}{
		{&b.mean, localWidth}, {&b.scale, localWidth},
		{&b.w1, localWidth * hidden}, {&b.b1, hidden}, {&b.w2, hidden * len(Quantiles)}, {&b.b2, len(Quantiles)},
	} {
		*field.to = u.floats()
		if u.err == nil && (len(*field.to) != field.size || !finite(*field.to...)) {
			u.fail("weights")
		}
	}
	return b, u.err
}
