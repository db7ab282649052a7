// Package features turns History into what models learn from: it reads target
// files, loads a target's signals onto a grid (Panel), and cuts the feature
// matrix with its labels (Frame). Nothing here ever looks past a row's origin.
//
// The way is ParseFiles → Collect (what a collector is to sample) → Load →
// Extract. A new column is a function beside those in rolling.go and a line in
// the table of kinds.go.
package features
