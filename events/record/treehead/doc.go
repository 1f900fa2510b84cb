// Package treehead is what a ledger says in public of the tree of its journal: a
// head (its origin, how many records, their root) as a signed checkpoint of
// C2SP tlog-checkpoint, and the proofs that a record, or an earlier head, is
// under it. Signatures are Ed25519 signed notes; several keys can sign a head.
//
// It takes a head or a proof in one spelling alone, and returns what the key
// that was asked for has signed. Whose key counts, since when and until when, is
// for the callers to know; Keys follows the changes of a ledger's key. (C2SP's
// checkpoint is called a head here, since a checkpoint of ours is of a Friday.)
package treehead
