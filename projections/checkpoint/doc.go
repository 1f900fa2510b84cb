// Package checkpoint is the record of a week that has ended: its cutoff, its
// boundary in the journal, how many cases and rows its books hold, the roots of
// those books, and the seal that says all of it, with its signatures.
//
// It guarantees that passing a cutoff costs the same however many cases there
// are, since the counts are kept up with each change; that roots and seal are
// functions of the record up to the boundary alone; and that a Friday is sealed
// once, however many nodes seal it. Where checkpoints are kept is left to the
// projections, when to seal to the daemon, which has the clock.
package checkpoint
