package models

import "errors"

// ErrTooFewRows says that a frame holds too little to learn from.
var ErrTooFewRows = errors.New("too few rows")

// ErrNoData says that nothing is known of a subject at its origin.
var ErrNoData = errors.New("no data")

// ErrCorrupt says that the bytes of a model are cut short, changed, or not a
// model's.
var ErrCorrupt = errors.New("corrupt model")

// ErrSchema says that a model was fitted on other columns than it is given.
var ErrSchema = errors.New("model has another schema")

// ErrNotFound says that the registry has no such model.
var ErrNotFound = errors.New("model not found")
