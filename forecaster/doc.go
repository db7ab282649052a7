// Package forecaster is the loop: it collects, extracts, predicts, publishes,
// warns and proposes (step), and it retrains, backtests and promotes (train).
// It also holds the nouns of what it issues, which the packages on its left
// (api, alerter, corrector, store) share.
package forecaster
