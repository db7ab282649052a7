package collector

import (
	"context"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// observedPrefixes begin the names of the series that Driftcast itself writes to
// History: what it sees of the cluster, and how that differs from what is declared.
var observedPrefixes = []string{"driftcast_cluster_", "driftcast_drift_"}

// Split answers an expression of observed series alone from Local, so that they
// can be forecast where no Prometheus scrapes Driftcast, and every other
// expression from Remote.
type Split struct{ Local, Remote Source }

// QueryRange implements Source.
func (s Split) QueryRange(ctx context.Context, expr string, w Window) (Result, error) {
	if observed(expr) {
		return s.Local.QueryRange(ctx, expr, w)
	}
	return s.Remote.QueryRange(ctx, expr, w)
}

// observed says whether every selector of an expression names an observed series,
// and there is one. What cannot be parsed is left to Remote to explain.
func observed(expr string) bool {
	parsed, err := ParseExpr(expr)
	if err != nil {
		return false
	}
	some, all := false, true
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			some, all = true, all && observedName(selector)
		}
		return nil
	})
	return some && all
}

func observedName(selector *parser.VectorSelector) bool {
	for _, m := range selector.LabelMatchers {
		if m.Name != model.MetricNameLabel || m.Type != labels.MatchEqual {
			continue
		}
		for _, prefix := range observedPrefixes {
			if strings.HasPrefix(m.Value, prefix) {
				return true
			}
		}
	}
	return false
}
