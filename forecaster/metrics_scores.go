package forecaster

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// scoreDesc is one number of a scorecard as a series.
type scoreDesc struct {
	desc  *prometheus.Desc
	value func(Scorecard) float64
}

func newScoreDesc(name, help string, value func(Scorecard) float64) scoreDesc {
	return scoreDesc{prometheus.NewDesc("driftcast_score_"+name, help, []string{"target", "horizon", "role"}, nil), value}
}

var scoreDescs = []scoreDesc{
	newScoreDesc("forecasts", "Matured forecasts of the model that serves (or is tried in shadow).", func(c Scorecard) float64 { return float64(c.Forecasts) }),
	newScoreDesc("skill_ratio", "1 - loss / naive's loss: pinball for levels, Brier for events.", func(c Scorecard) float64 { return c.Skill }),
	newScoreDesc("coverage_ratio", "Share of actuals within the 0.1 to 0.9 band; 0.8 is right.", func(c Scorecard) float64 { return c.Coverage }),
	newScoreDesc("brier_ratio", "Brier score of the risks.", func(c Scorecard) float64 { return c.Brier }),
	newScoreDesc("calibration_error_ratio", "Mean distance of risks from the share that came true.", func(c Scorecard) float64 { return c.Calibration }),
	newScoreDesc("false_warnings_per_subject_week", "Warnings that did not come true.", func(c Scorecard) float64 { return c.FalsePerWeek }),
	newScoreDesc("warning_lead_seconds", "Median lead of the warnings that came true.", func(c Scorecard) float64 { return c.LeadSeconds }),
}

// score exports the scorecards of the models that serve a target now.
func (s *state) score(ch chan<- prometheus.Metric, target string) {
	for _, c := range s.cards {
		role := "champion"
		switch {
		case c.Shadow && c.Model == s.status.Shadow:
			role = "shadow"
		case c.Shadow || c.Model != s.status.Model:
			continue
		}
		for _, d := range scoreDescs {
			if v := d.value(c); !math.IsNaN(v) {
				ch <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, v, target, short(c.Horizon), role)
			}
		}
	}
}
