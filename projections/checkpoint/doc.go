// Package checkpoint describes a week that has ended: its cutoff, its boundary
// in the journal, the numbers of cases and rows in its books, the Merkle roots
// of those books, and the seal that states all of this, with its signatures.
//
// The counts are updated with each change, so passing a cutoff costs the same
// for any number of cases. Roots and seals depend only on the journal up to the
// boundary. A Friday is sealed once, however many nodes seal it. The
// projections store checkpoints; the daemon, which has the clock, decides when
// to seal.
package checkpoint
