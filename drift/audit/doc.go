// Package audit reports on drift over time: who, where, when, which kinds come
// back, how long until they are put right, what was corrected and what came of
// it. Build counts, and Write tells.
//
// What is counted. An episode is one field that was not as declared for a while.
// People change several fields at once, so the report counts drifts: all episodes
// of one object whose onsets lie within Together of the first. A drift lasts until
// the last of its fields is as declared again.
package audit
