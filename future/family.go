package future

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// The names and labels of the curves.
const (
	predicted    = ":predicted"
	quantileName = "driftcast_forecast_quantile"
	riskName     = "driftcast_risk_ratio"

	forecastLabel = "ml_forecast"
	nameLabel     = "__name__"
)

// family is the curves of one target under one name.
type family struct {
	target   *features.Target
	name     string
	labelled bool // target, kind, namespace and subject are labels
	risk     bool
	variants []variant
}

// variant is what tells the curves of one subject apart.
type variant struct {
	label    collector.Label
	quantile int           // index in models.Quantiles
	horizon  time.Duration // of a risk
}

// of takes from what was issued what is the variant's.
func (v variant) of(one forecaster.Issued) float64 {
	if v.horizon > 0 {
		return one.Risk
	}
	return one.Quantiles[v.quantile]
}

// families returns the names that a target's curves have. An event has no
// level, and a level without an objective no risk.
func families(t *features.Target) []family {
	var out []family
	if !t.IsEvent() {
		plain := family{target: t, name: t.Name + predicted}
		for _, v := range []struct {
			name     string
			quantile int
		}{{"yhat", models.Median}, {"yhat_lower", 0}, {"yhat_upper", len(models.Quantiles) - 1}} {
			plain.variants = append(plain.variants, variant{label: collector.Label{Name: forecastLabel, Value: v.name}, quantile: v.quantile})
		}
		full := family{target: t, name: quantileName, labelled: true}
		for k, level := range models.Quantiles {
			full.variants = append(full.variants, variant{label: collector.Label{Name: "quantile", Value: strconv.FormatFloat(level, 'g', -1, 64)}, quantile: k})
		}
		out = append(out, plain, full)
	}
	if t.IsEvent() || t.Objective != nil {
		risk := family{target: t, name: riskName, labelled: true, risk: true}
		for _, h := range t.Horizons {
			risk.variants = append(risk.variants, variant{label: collector.Label{Name: "horizon", Value: forecaster.HorizonLabel(h)}, horizon: h})
		}
		out = append(out, risk)
	}
	return out
}

// ask returns the variants that a selection may ask for.
func (f *family) ask(s *collector.Selection) (asked []variant) {
	if !s.Allows(nameLabel, f.name) {
		return nil
	}
	if f.labelled && !(s.Allows("target", f.target.Name) && s.Allows("kind", f.target.Subject.Kind)) {
		return nil
	}
	for _, v := range f.variants {
		if s.Allows(v.label.Name, v.label.Value) {
			asked = append(asked, v)
		}
	}
	return asked
}

// shortest is the horizon that past times are answered at.
func (f *family) shortest() time.Duration {
	if len(f.target.Horizons) == 0 {
		return 0
	}
	return slices.Min(f.target.Horizons)
}

// horizons says at which horizons the past of which variants was issued.
func (f *family) horizons() map[time.Duration][]int {
	out := map[time.Duration][]int{}
	for k, v := range f.variants {
		h := v.horizon
		if !f.risk {
			h = f.shortest()
		}
		out[h] = append(out[h], k)
	}
	return out
}

// search is the longest text that a subject must contain to be asked for, so
// that the store need not list the others; empty: any.
func (f *family) search(s *collector.Selection) (longest string) {
	consider := func(label string) {
		if v := s.Exactly(label); len(v) > len(longest) {
			longest = v
		}
	}
	for _, label := range f.target.Subject.Labels {
		if !f.owns(label) {
			consider(label)
		}
	}
	if f.labelled {
		consider("subject")
		consider("namespace")
	}
	return longest
}

// owns says that a label is ours: a subject's own one of that name is moved
// aside, as Prometheus does when it scrapes.
func (f *family) owns(label string) bool {
	return label == f.variants[0].label.Name || f.labelled && (label == "target" || label == "kind" || label == "subject")
}

// label returns the labels of a subject's curves, but for the variant's.
func (f *family) label(sub collector.Subject, own collector.Labels) collector.Labels {
	out := make(collector.Labels, 0, len(own)+5)
	for _, l := range own {
		if l.Value == "" || l.Name == "namespace" && f.labelled {
			continue
		}
		if f.owns(l.Name) {
			l.Name = "exported_" + l.Name
		}
		out = append(out, l)
	}
	if f.labelled {
		out = append(out, collector.Label{Name: "target", Value: f.target.Name}, collector.Label{Name: "kind", Value: sub.Kind}, collector.Label{Name: "subject", Value: sub.Name})
		namespace := sub.Namespace
		if namespace == "" {
			namespace = own.Value("namespace") // which is the name, then
		}
		if namespace != "" {
			out = append(out, collector.Label{Name: "namespace", Value: namespace})
		}
	}
	slices.SortFunc(out, byName)
	return out
}

func byName(a, b collector.Label) int { return strings.Compare(a.Name, b.Name) }

// with returns labels with one more.
func with(l collector.Labels, one collector.Label) collector.Labels {
	at, _ := slices.BinarySearchFunc(l, one, byName)
	out := make(collector.Labels, 0, len(l)+1)
	return append(append(append(out, l[:at]...), one), l[at:]...)
}
