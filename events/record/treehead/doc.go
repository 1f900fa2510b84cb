// Package treehead is what a ledger says in public of the tree of its journal: a
// head (its origin, how many records, their root) as a signed checkpoint of
// C2SP tlog-checkpoint, and the proof that a record is under it in the form of
// C2SP tlog-proof. Signatures are Ed25519 signed notes; those of several keys
// can stand under one head.
//
// It promises that a head or proof is taken in one spelling alone, that what
// it returns was signed by the key that was asked for, and that nothing of it
// depends on a clock. Whose key counts, since when and until when, is left to
// its callers. (A checkpoint of C2SP is not a checkpoint of projections, which
// is of a Friday; so it is called a head here.)
package treehead
