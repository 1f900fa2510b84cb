// Package checkpoint is the record of a Friday: its cutoff, its boundary in
// the journal, how many cases and rows the books of that Friday hold, the
// roots of those books, and the seal that says all of it.
//
// It promises that passing a cutoff costs the same however many cases there
// are, since the counts are kept up with each change; and that roots and seal
// are functions of the record up to the boundary alone. Where checkpoints are
// kept is left to the projections, who signs a seal to the program.
package checkpoint
