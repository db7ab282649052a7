// Package shift tells when a latency has become worse and stays so, and when a
// signal's distribution has left the one it had. It is arithmetic on slices:
// no clock, no chance, no I/O.
//
// # Regressions
//
// Detect looks at one subject as of the end of its series and asks whether the
// latest part of it is a regression:
//
//  1. Log latency is freed from what traffic explains: a monotone curve over
//     log load and a free one over a share of the mix, both from medians of
//     bins of the subject's own past, each kept only where it earns its place.
//  2. The past is cut into blocks as long as the hold. The spread of their
//     medians is the noise: it has the autocorrelation of the subject in it,
//     whatever its form. Where the blocks of one day tell those of another,
//     they are compared with the same time of day only.
//  3. The onset is where the sum of clipped deviations from half way between
//     the level before and the level after is largest, counted from the end: the
//     maximum likelihood estimate for two Laplace laws (Page, Biometrika 1954).
//  4. A shift is a regression when it is larger than the least effect that
//     matters, far outside the noise, rare among the blocks of the past, and has
//     lasted for the hold; and when it is not one of the things that people are
//     tired of hearing about: a peak that yesterday or last week had too, a load
//     or mix that the past never saw, a tail without a body, a slow rise that
//     no other day can be held against, a change of unit. Each has a Verdict
//     of its own and says why in words.
//
// Tracker makes verdicts into regressions with an identity: subjects that
// shift together are one, it is new once, it stands, it goes away, and it
// names the changes it follows. Replay runs it over what is past, at each time
// with what was known at that time.
//
// # Distributions
//
// Compare measures how far a recent window is from a baseline (Kolmogorov and
// Smirnov, PSI, Wasserstein), with p-values for the samples that an
// autocorrelated series really holds, and against how far the baseline's own
// windows are from the rest of it.
package shift
