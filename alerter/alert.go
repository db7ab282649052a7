package alerter

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// alert is a postable alert of Alertmanager's API v2.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// identity of a warning: the same target and subject are the same warning.
type identity struct {
	target  string
	subject collector.Subject
}

func identityOf(w forecaster.Warning) identity { return identity{w.Target, w.Subject} }

// alertOf makes the alert of a warning, all but when it ends.
func (a *Alerter) alertOf(w forecaster.Warning) alert {
	return alert{
		Labels:       a.labels(w),
		Annotations:  annotations(w),
		StartsAt:     w.StartsAt,
		GeneratorURL: a.link(w),
	}
}

// labels name the target and the subject. What the target file adds comes
// second, external labels last: neither can change whose alert it is.
func (a *Alerter) labels(w forecaster.Warning) map[string]string {
	labels := map[string]string{"severity": "warning"}
	for name, value := range a.externalLabels {
		labels[name] = value
	}
	maps.Copy(labels, w.Labels)
	labels["alertname"] = w.Target
	labels["kind"] = w.Subject.Kind
	if w.Subject.Namespace != "" {
		labels["namespace"] = w.Subject.Namespace
	}
	if node, _, ok := strings.Cut(w.Subject.Name, ":"); ok && w.Subject.Kind == "gpu" {
		labels["node"] = node // so that routes and inhibitions for the node apply
	}
	labels[w.Subject.Kind] = w.Subject.Name
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" }) // as if absent
	return labels
}

func annotations(w forecaster.Warning) map[string]string {
	within := model.Duration(w.Horizon).String()
	notes := map[string]string{
		"summary":     fmt.Sprintf("%s of %s within %s: risk %.2f", w.Target, w.Subject, within, w.Risk),
		"probability": number(w.Risk),
		"threshold":   number(w.Threshold),
		"horizon":     within,
	}
	if w.Lead > 0 {
		notes["eta"] = w.Origin.Add(w.Lead).UTC().Format(time.RFC3339)
	}
	var drivers []string
	for _, d := range w.Drivers {
		drivers = append(drivers, cmp.Or(d.Text, d.Column))
	}
	if len(drivers) > 0 {
		notes["drivers"] = strings.Join(drivers, "; ")
	}
	if w.Correction != "" {
		notes["correction"] = w.Correction
	}
	maps.Copy(notes, w.Annotations)
	return notes
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// link is the page of the forecast, "" where nobody told our own address.
func (a *Alerter) link(w forecaster.Warning) string {
	if a.externalURL == "" {
		return ""
	}
	return a.externalURL + "/forecasts/" + url.PathEscape(w.Target) + "/" + url.PathEscape(w.Subject.String())
}
