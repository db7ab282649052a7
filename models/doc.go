// Package models holds what learns: level and event models, their calibration
// and conformal intervals, the rolling-origin backtest that scores them, and
// the content-addressed registry that keeps them.
package models
