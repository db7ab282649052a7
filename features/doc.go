// Package features turns History into what models learn from: it reads target
// files, loads a target's signals onto a grid (Panel), and cuts the feature
// matrix with its labels (Frame). Nothing here ever looks past a row's origin.
package features
