package api_test

import (
	"github.com/driftcast/driftcast/api"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/corrector"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/store"
)

// What the server needs is what the rooms have; only the corrector's own nouns
// are left for cmd to adapt.
var (
	_ api.Forecasts   = (*store.Store)(nil)
	_ api.Runs        = (*store.Store)(nil)
	_ api.Corrections = (*store.Store)(nil)
	_ api.Audit       = (*store.Store)(nil)
	_ api.History     = (*collector.History)(nil)
	_ api.Models      = (*models.Registry)(nil)
	_ api.Promoter    = (*models.Registry)(nil)
	_ api.Retrainer   = (*forecaster.Forecaster)(nil)
	_ api.Decider     = (*corrector.Corrector)(nil)

	_ api.Acknowledger = (*corrector.Corrector)(nil)
)
