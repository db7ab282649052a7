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
// The table in states.go is the whole truth, and record enforces it; the log
// refuses what was made from a correction that has moved on since (Version).
//
// A correction rests on a risk (Propose) or on a drift (ProposeDrift). The guards
// are a chain of small stages (guards.go lists them); what each said is kept with
// the correction. They know of the past what the log says, so a restart or another
// leader knows no less. What fails closed: unknown, old or future telemetry, a
// cluster that is not watched, a switch that cannot be asked, a clock that jumped.
//
// Once the horizon has passed, an outcome is noted beside the state: whether what
// was corrected, and what was not (control group, rejected, expired, observed),
// happened. Scores count them by policy.
//
// Modes: observe records what it would do; recommend shows it to people, who do
// it themselves; approve waits for a person and then acts; auto acts. In
// recommend, Approve is refused: that mode promises that Driftcast changes
// nothing and needs no right to, and a click must not widen what the
// configuration allows. Set the policy's mode to approve for that.
package corrector
