// Package checkpoint is the record of a Friday: its cutoff, its boundary in
// the journal, and how many cases and rows the books of that Friday hold.
//
// It promises that passing a cutoff costs the same however many cases there
// are, since the counts are kept up with each change. Where checkpoints are
// kept is left to the projections.
package checkpoint
