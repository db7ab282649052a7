// Package archtest is a test: it fails where a package imports what DESIGN's
// house forbids, where a package has no doc comment, and reports large files.
package archtest
