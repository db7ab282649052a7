package collector_test

import (
	"context"
	"testing"

	"github.com/driftcast/driftcast/collector"
)

// named is a Source that tells only that it was asked.
type named struct {
	asked *string
	name  string
}

func (n named) QueryRange(context.Context, string, collector.Window) (collector.Result, error) {
	*n.asked = n.name
	return collector.Result{}, nil
}

func TestSplitAsksWhoHoldsTheSeries(t *testing.T) {
	for name, test := range map[string]struct{ expr, want string }{
		"an observed series":        {`driftcast_cluster_node_condition{condition="Ready"} == 0`, "local"},
		"observed series, joined":   {`changes(driftcast_drift_age_seconds[1h]) > on (namespace) driftcast_cluster_pods`, "local"},
		"a series of Prometheus":    {`up == 0`, "remote"},
		"a mixture":                 {`driftcast_cluster_pods and on (namespace) up`, "remote"},
		"a name by regexp":          {`{__name__=~"driftcast_cluster_.*"}`, "remote"},
		"no series at all":          {`vector(1)`, "remote"},
		"what cannot be parsed":     {`sum(`, "remote"},
		"a subquery of an observed": {`max_over_time((driftcast_drift_drifted > 0)[1h:1m])`, "local"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			split := collector.Split{Local: named{&got, "local"}, Remote: named{&got, "remote"}}
			if _, err := split.QueryRange(context.Background(), test.expr, collector.Window{}); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("%s was asked of %s, want %s", test.expr, got, test.want)
			}
		})
	}
}
