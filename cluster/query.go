package cluster

import "time"

// ChangeQuery selects changes, newest first. What is empty or zero selects all.
type ChangeQuery struct {
	Subject   string     // exact String of the change's Subject
	Object    string     // exact String of the object's Ref
	Namespace string     // of the object
	Kind      ChangeKind // of the change
	Manager   string     // field manager
	From, To  time.Time  // of At: from ≤ At < to
	Cursor    string     // opaque, from the page before
	Limit     int        // 1…1000; 0: 100
}
