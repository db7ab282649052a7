package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	_ "go4.org/unsafe/assume-no-moving-gc" // pinned: gorgonia panics at start with an older one
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// This file is gorgonia's border: it alone imports gorgonia, and nothing of
// gorgonia leaves it. gorgonia trains; what predicts is our own flat code.

// layers are the weights of a network of one hidden layer: outputs are
// b2 + w2ᵀ·tanh(b1 + w1ᵀ·x).
type layers struct {
	inputs, hidden, outputs int
	w1, b1                  []float64 // inputs×hidden, hidden
	w2, b2                  []float64 // hidden×outputs, outputs
}

// newLayers draws small weights (Glorot and Bengio 2010).
func newLayers(inputs, hidden, outputs int, rng *rand.Rand) layers {
	draw := func(from, to int) []float64 {
		edge := math.Sqrt(6 / float64(from+to))
		w := make([]float64, from*to)
		for i := range w {
			w[i] = edge * (2*rng.Float64() - 1)
		}
		return w
	}
	return layers{
		inputs: inputs, hidden: hidden, outputs: outputs,
		w1: draw(inputs, hidden), b1: make([]float64, hidden),
		w2: draw(hidden, outputs), b2: make([]float64, outputs),
	}
}

// trainer trains layers with gorgonia: Adam on a weighted loss.
type trainer struct {
	layers layers // shares its slices with gorgonia's tensors
	batch  int
	x      *tensor.Dense // batch×inputs
	y      *tensor.Dense // batch×outputs; what the outputs should be, as the loss has it
	w      *tensor.Dense // batch×outputs; the weight of each label, 0: unknown
	nodes  gorgonia.Nodes
	vm     gorgonia.VM
	solver gorgonia.Solver
	inputs [3]*gorgonia.Node
}

// newTrainer builds the graph of a network whose outputs are log-odds: the loss
// is the cross-entropy with labels of 0 and 1. The layers belong to the trainer
// from here on.
func newTrainer(l layers, batch int, rate, decay float64) (*trainer, error) {
	// −y·log σ(z) − (1−y)·log(1−σ(z)) is softplus(z) − y·z.
	return newTrainerOf(l, batch, rate, decay, func(_ matrixOf, y, z *gorgonia.Node) *gorgonia.Node {
		return must(gorgonia.Sub(must(gorgonia.Softplus(z)), must(gorgonia.HadamardProd(y, z))))
	})
}

// newQuantileTrainer builds the graph of a network with one output for each of
// levels: the loss is the pinball loss, (τ−½)·u + ½·√(u²+smooth²) of u = y − z,
// which is smooth where u is small beside smooth.
func newQuantileTrainer(l layers, levels []float64, smooth float64, batch int, rate, decay float64) (*trainer, error) {
	tilts, halves, smooths := make([]float64, batch*l.outputs), make([]float64, batch*l.outputs), make([]float64, batch*l.outputs)
	for i := range tilts {
		tilts[i], halves[i], smooths[i] = levels[i%l.outputs]-0.5, 0.5, smooth*smooth
	}
	return newTrainerOf(l, batch, rate, decay, func(constant matrixOf, y, z *gorgonia.Node) *gorgonia.Node {
		u := must(gorgonia.Sub(y, z))
		round := must(gorgonia.Sqrt(must(gorgonia.Add(must(gorgonia.Square(u)), constant("smooth", smooths)))))
		return must(gorgonia.Add(
			must(gorgonia.HadamardProd(constant("tilt", tilts), u)),
			must(gorgonia.HadamardProd(constant("half", halves), round))))
	})
}

// matrixOf makes a constant of batch×outputs numbers.
type matrixOf func(name string, data []float64) *gorgonia.Node

// must turns an error of gorgonia's into a panic, which ends in recoverGorgonia.
func must(n *gorgonia.Node, err error) *gorgonia.Node { return gorgonia.Must(n, err) }

func newTrainerOf(l layers, batch int, rate, decay float64, lossOf func(constant matrixOf, y, z *gorgonia.Node) *gorgonia.Node) (t *trainer, err error) {
	defer recoverGorgonia(&err)
	g := gorgonia.NewGraph()
	dense := func(rows, columns int, data []float64) *tensor.Dense {
		return tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(data))
	}
	matrix := func(name string, v *tensor.Dense) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(v.Shape()...), gorgonia.WithValue(v))
	}
	t = &trainer{layers: l, batch: batch, solver: gorgonia.NewAdamSolver(gorgonia.WithLearnRate(rate), gorgonia.WithL2Reg(decay))}
	t.x = dense(batch, l.inputs, make([]float64, batch*l.inputs))
	t.y = dense(batch, l.outputs, make([]float64, batch*l.outputs))
	t.w = dense(batch, l.outputs, make([]float64, batch*l.outputs))
	one := make([]float64, batch)
	for i := range one {
		one[i] = 1
	}
	x, y, w, ones := matrix("x", t.x), matrix("y", t.y), matrix("w", t.w), matrix("ones", dense(batch, 1, one))
	w1, b1 := matrix("w1", dense(l.inputs, l.hidden, l.w1)), matrix("b1", dense(1, l.hidden, l.b1))
	w2, b2 := matrix("w2", dense(l.hidden, l.outputs, l.w2)), matrix("b2", dense(1, l.outputs, l.b2))
	t.inputs, t.nodes = [3]*gorgonia.Node{x, y, w}, gorgonia.Nodes{w1, b1, w2, b2}

	affine := func(in, w, b *gorgonia.Node) *gorgonia.Node {
		return must(gorgonia.Add(must(gorgonia.Mul(in, w)), must(gorgonia.Mul(ones, b))))
	}
	z := affine(must(gorgonia.Tanh(affine(x, w1, b1))), w2, b2)
	loss := lossOf(func(name string, data []float64) *gorgonia.Node {
		return matrix(name, dense(batch, l.outputs, data))
	}, y, z)
	cost := must(gorgonia.Sum(must(gorgonia.HadamardProd(w, loss))))
	if _, err := gorgonia.Grad(cost, t.nodes...); err != nil {
		return nil, fmt.Errorf("gorgonia: %w", err)
	}
	t.vm = gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(t.nodes...))
	return t, nil
}

// step learns from one batch: fill writes the inputs, labels and weights of
// its rows.
func (t *trainer) step(ctx context.Context, fill func(x, y, w []float64)) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer recoverGorgonia(&err)
	fill(t.x.Data().([]float64), t.y.Data().([]float64), t.w.Data().([]float64))
	for i, v := range []*tensor.Dense{t.x, t.y, t.w} {
		if err := gorgonia.Let(t.inputs[i], v); err != nil {
			return fmt.Errorf("gorgonia: %w", err)
		}
	}
	defer t.vm.Reset()
	if err := t.vm.RunAll(); err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	if err := t.solver.Step(gorgonia.NodesToValueGrads(t.nodes)); err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	return nil
}

// weights copies the layers as they are now.
func (t *trainer) weights() (l layers, err error) {
	l = t.layers
	for i, to := range []*[]float64{&l.w1, &l.b1, &l.w2, &l.b2} {
		data, ok := t.nodes[i].Value().Data().([]float64)
		if !ok {
			return l, errors.New("gorgonia: weights are not 64-bit numbers")
		}
		*to = append([]float64(nil), data...)
	}
	return l, nil
}

// close frees the machine.
func (t *trainer) close() error {
	if err := t.vm.Close(); err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	return nil
}

func recoverGorgonia(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("gorgonia: %v", r)
	}
}
