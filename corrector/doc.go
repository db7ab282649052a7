// Package corrector turns warnings into guarded, pre-emptive corrections. There
// is one door, Submit, for the loop and the API alike, so that no guard can be
// walked around. Undoing (Revert) is always allowed.
//
// What happens to a correction:
//
//	                     guards pass, mode                   a person            actuator
//	        ┌─ observe ─► observed                                    ┌─ says no ─► failed
//	Submit ─┼─ recommend, approve ─► proposed ─┬─ approves ─► approved ┼─ done ────► applied ─► verified
//	        ├─ auto ────────────────────────────┼────────────────┘    └─ guard ───► blocked     │
//	        ├─ a guard refuses ─► blocked        ├─ rejects ──► rejected                └─► reverted ◄─┘
//	        └─ nothing to do ─► unchanged        └─ too late ─► expired
//
// Blocked, observed, unchanged and expired corrections are judged again when the
// same request (the same Key) comes again; all others answer as they stand.
// The table in states.go is the whole truth, and record enforces it.
//
// Modes: observe records what it would do; recommend shows it to people, who do
// it themselves; approve waits for a person and then acts; auto acts. In
// recommend, Approve is refused: that mode promises that Driftcast changes
// nothing and needs no right to, and a click must not widen what the
// configuration allows. Set the policy's mode to approve for that.
package corrector
